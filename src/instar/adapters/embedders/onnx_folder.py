"""A folder with an ONNX model: what `model.json` says of it, and whether its files are what it says."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instar.domain.catalogue import POOLINGS
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError

FACTS = "model.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
SIZE_TOLERANCE = 0.05
"""A file that is longer by a larger share than this is another one; a smaller share may be notes somebody added."""


@dataclass(frozen=True, slots=True)
class OnnxFolder:
    """A model that is there. `files` are those `model.json` lists, each with `bytes` and `sha256`."""

    path: Path
    facts: EncoderFacts
    files: Mapping[str, Mapping[str, Any]]

    @property
    def model(self) -> Path:
        """The graph: `model.onnx`, or the one .onnx file of another name."""
        others = [name for name in self.files if name.endswith(".onnx")]
        return self.path / (others[0] if MODEL not in self.files and len(others) == 1 else MODEL)

    @property
    def tokenizer(self) -> Path:
        """The tokenizer in the form of the library `tokenizers`."""
        return self.path / TOKENIZER

    def check_sizes(self) -> None:
        """Raise `ModelMissingError` for a file that is not there, ends early, or is longer than another one may be."""
        for path in (self.path / name for name in sorted({*self.files, self.model.name, TOKENIZER})):
            if not path.is_file():
                raise ModelMissingError(f"the model in {self.path} lacks its file {path.name}", "install it again")
            size = path.stat().st_size
            stated = int(self.files.get(path.name, {}).get("bytes", size))
            if size < stated:
                raise ModelMissingError(
                    f"{path} ends after {size:,} of {stated:,} bytes", "it was not copied whole: copy it again"
                )
            if size > stated * (1 + SIZE_TOLERANCE):
                raise ModelMissingError(
                    f"{path} has {size:,} bytes, {FACTS} says {stated:,}",
                    f"it is of another model or precision: take it and {FACTS} from one place",
                )

    def check_checksums(self) -> None:
        """Read every file and raise `ModelMissingError` for one whose SHA-256 is not the stated one."""
        self.check_sizes()
        for name, stated in self.files.items():
            with (self.path / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != stated["sha256"]:
                raise ModelMissingError(
                    f"{self.path / name} has the SHA-256 {found[:12]}…, {FACTS} says {stated['sha256'][:12]}…",
                    "it is damaged or was changed: install the model again",
                )


def read_folder(path: Path) -> OnnxFolder:
    """Return the model of a folder. Raises `ModelMissingError` where it is not there or a file cannot be the right one.

    Sizes are looked at, contents are not: that is `OnnxFolder.check_checksums`.
    """
    if not path.is_dir():
        raise ModelMissingError(f"there is no folder {path}", f"name one with {MODEL}, {TOKENIZER} and {FACTS}")
    try:
        found = _read(path, json.loads((path / FACTS).read_text("utf-8")))
    except FileNotFoundError as error:
        raise ModelMissingError(
            f"{path} has no {FACTS}, which names the model and its pooling",
            "get the folder anew from where it was made: see docs/reference/models.md",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissingError(
            f"{path / FACTS} cannot be read ({error!r})",
            "get the folder anew from where it was made: see docs/reference/models.md",
        ) from error
    found.check_sizes()
    return found


def _read(path: Path, stated: Mapping[str, Any]) -> OnnxFolder:
    if stated["pooling"] not in POOLINGS:
        raise ValueError(f"pooling {stated['pooling']!r} is none of {', '.join(POOLINGS)}")
    facts = EncoderFacts(
        provider="onnx",
        name=stated["name"],
        revision=stated["revision"],
        dimensions=int(stated["dimensions"]),
        precision=stated["precision"],
        pooling=stated["pooling"],
        context_tokens=None if stated["context_tokens"] is None else int(stated["context_tokens"]),
    )
    files = {
        name: {"bytes": int(file["bytes"]), "sha256": str(file["sha256"])} for name, file in stated["files"].items()
    }
    return OnnxFolder(path, facts, files)
