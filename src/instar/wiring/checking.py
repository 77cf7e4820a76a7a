"""The check of a model over this data folder: what to ask it, what there is to embed, and what is free."""

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from instar.domain.catalogue import ADDRESS, AT_SERVERS, STATIC, ModelEntry, facts_of, is_address
from instar.domain.checks import Check, Room
from instar.domain.models import StorageFormat
from instar.domain.search import Scope
from instar.domain.vectors import decode
from instar.embedding.checking import check
from instar.errors import SettingError
from instar.ports import Matrix
from instar.wiring import Workspace
from instar.wiring.models import built_in_entries, package_folder

SAMPLED = 128
"""Texts of the corpus, evenly spread, that speed is measured with: more than a transformer on a CPU gets through."""
WEIGHTS = (".onnx", ".onnx_data", ".gguf", ".safetensors", ".bin", ".npy")
"""How the names of files with weights end."""


def check_model(workspace: Workspace, reference: str, base_url: str | None = None) -> Iterator[Check]:
    """Yield what was looked at; nothing on disk is changed.

    Raises `SettingError` for an unknown name, and for an address where none is asked.
    """
    entry = workspace.models.resolved(reference)
    if base_url and entry.provider not in AT_SERVERS:
        raise SettingError(f"{reference} is no model of a server", "leave out --base-url")
    if base_url and not is_address(base_url):
        raise SettingError(f"--base-url is not {ADDRESS}", "mend the address")
    entry = replace(entry, base_url=base_url or entry.base_url)
    probes = json.loads((files("instar") / "resources" / "probes.json").read_text("utf-8"))
    sample, texts = _sample(workspace)
    return check(
        lambda: workspace.models.bare(entry),
        entry,
        probes["texts"],
        sample or probes["texts"],
        Room(texts, workspace.storage, _free_disk(workspace.settings.data), _weights(entry), _free_memory()),
        _reference(entry, probes["references"], len(probes["texts"])),
    )


def _sample(workspace: Workspace) -> tuple[list[str], int]:
    """Return some texts of the corpus and the number of all."""
    if not workspace.has_corpus():
        return [], 0
    with workspace.store.snapshot() as snapshot:
        ids = snapshot.texts_in(Scope())
        some = ids[:: max(1, ids.size // SAMPLED)][:SAMPLED].tolist()
        chunks = snapshot.chunks_of_texts(some, Scope())
        return [row.text for row in snapshot.chunk_rows(list(chunks.values())).values()], int(ids.size)


def _reference(entry: ModelEntry, stored: Mapping[str, str], probes: int) -> Matrix | None:
    """Return the vectors of the model the catalogue knows this one as, None where there are none to compare with."""
    built_in = built_in_entries()
    known = built_in.get(entry.name) or facts_of(entry.source, built_in.values(), entry.provider)
    if known is None or known.name not in stored or known.document_prompt != entry.document_prompt:
        return None
    rows = np.frombuffer(base64.b64decode(stored[known.name]), np.uint8).reshape(probes, -1)
    codes, scales = decode(rows, StorageFormat.INT8)
    vectors: Matrix = codes * scales[:, None]
    return vectors


def _weights(entry: ModelEntry) -> int | None:
    """Return the bytes of the weights that would be loaded here, None where that is not known, as at a server."""
    path = package_folder(entry) if entry.package else Path(entry.source) if entry.source else None
    if entry.provider == STATIC and path is None:
        from instar.adapters.embedders.static import builtin_folder

        path = builtin_folder()
    if entry.provider in AT_SERVERS or path is None or not path.exists():
        return None
    if path.is_file():
        return path.stat().st_size
    sizes = (sum(part.stat().st_size for part in path.rglob(f"*{ending}")) for ending in WEIGHTS)
    return max(sizes) or None  # a folder may hold the same weights in two forms


def _free_disk(folder: Path) -> int:
    """Return the bytes free where the data folder is, or would be made."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(here).free


def _free_memory() -> int | None:
    """Return the bytes of memory that can be had without swapping, None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return int(kilobytes) * 1024 if kilobytes else None
