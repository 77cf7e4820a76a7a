"""Models of the Hugging Face hub: what is in its cache first, the network second."""

import os
from pathlib import Path

from instar.errors import ModelMissingError

SMALL = ("*.json", "*.txt", "*.model", "*.py")
"""What describes a model: configuration, vocabulary and code, without its weights."""
WEIGHTS = ("*.safetensors", "*.bin")
COMMIT_DIGITS = 40

CONNECT_SECONDS = 5.0
"""To hear from the hub at all. Its library would ask six times, for half a minute."""

os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # read with the next; what goes wrong is for Instar to say
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is loaded; a fetch says enough of itself


def snapshot(name: str) -> Path:
    """Return the folder with at least the small files of a model, the one in the cache where that holds its weights.

    So a model stays as it is until it is fetched anew (`hf download`). Raises `ModelMissingError`.
    """
    from huggingface_hub import snapshot_download

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if holds_weights(cached):
            return cached
    except (OSError, ValueError):
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=list(SMALL)))
    except (OSError, ValueError) as error:
        raise _missing(name, name, error) from error


def file(reference: str) -> Path:
    """Return a file of `owner/repository/path`, fetched where it is not in the cache. Raises `ModelMissingError`."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    repository, path = "/".join(reference.split("/")[:2]), "/".join(reference.split("/")[2:])
    try:
        return Path(hf_hub_download(repository, path, local_files_only=True))
    except (OSError, ValueError):
        pass
    try:
        get_hf_file_metadata(hf_hub_url(repository, path), timeout=CONNECT_SECONDS)  # asks once
        return Path(hf_hub_download(repository, path))
    except Exception as error:  # each version of the library passes on errors of another one
        raise _missing(reference, f"{repository} {path}", error) from error


def _missing(name: str, wanted: str, error: Exception) -> ModelMissingError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelMissingError(
        f"{name} is neither here nor in the hub's cache, and cannot be fetched ({reason})",
        f"see that the name is right, and fetch it where there is a network: hf download {wanted}",
    )


def holds_weights(folder: Path) -> bool:
    """Whether a folder holds weights at all."""
    return any(path for pattern in WEIGHTS for path in folder.rglob(pattern))


def commit(folder: Path) -> str:
    """Return the commit a folder of the hub's cache is a snapshot of, "" for any other folder."""
    known = folder.parent.name == "snapshots" and len(folder.name) == COMMIT_DIGITS
    return folder.name if known else ""
