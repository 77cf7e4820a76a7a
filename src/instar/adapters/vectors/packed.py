"""Packed vectors of one generation: sign bits to scan, codes to rescore, memory-mapped.

The files are derived from the store: each packing writes a new folder, then replaces the manifest in one step, so that
readers keep what they opened. Vectors stored since then (the tail) are handed in.
"""

import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from instar.adapters.vectors.segment import Segment
from instar.domain.stored import Position, StoredVectors
from instar.domain.vectors import bit_planes, decode
from instar.errors import DerivedDamageError, DiskFullError

LAYOUT_VERSION = 1

_MANIFEST = "manifest.json"
_FILES = ("planes", "codes", "scales", "ids")


@dataclass(frozen=True, slots=True)
class _Pack:
    position: Position
    rows: Segment


class PackedVectors:
    """See `instar.ports.VectorIndex`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pack: _Pack | None = None
        self._stamp: tuple[int, ...] | None = None
        self._tail: tuple[StoredVectors, Segment] | None = None

    def position(self, corpus: str) -> Position | None:
        """Open the current pack; None where there is none of this corpus, or none that is whole."""
        try:
            self._open()
        except DerivedDamageError:
            self._pack = None
        if self._pack is not None and self._pack.position.corpus != corpus:
            self._pack = None
        return self._pack.position if self._pack else None

    def size(self) -> int:
        """Rows in the pack."""
        return int(self._pack.rows.ids.size) if self._pack else 0

    def _open(self) -> None:
        stamp = self._manifest_stamp()
        if self._pack is not None and self._stamp == stamp:
            return
        manifest = self._manifest()
        with _guarded(self._folder):
            arrays = {}
            for name in _FILES:
                path = self._folder / str(manifest["folder"]) / f"{name}.npy"
                if path.stat().st_size != manifest["files"][name][0]:
                    raise DerivedDamageError(f"{path.name} of the packed vectors has a wrong size")
                arrays[name] = _mapped(path)
            position = Position(manifest["corpus"], manifest["sequence"])
            pack = _Pack(position, Segment(**arrays))
        if not _fitting(pack.rows):
            raise DerivedDamageError("the files of the packed vectors do not fit each other")
        self._pack, self._stamp = pack, stamp

    def _manifest_stamp(self) -> tuple[int, ...]:
        """Return what tells one manifest from its successor, which is another file."""
        with _guarded(self._folder):
            state = (self._folder / _MANIFEST).stat()
            return state.st_ino, state.st_mtime_ns, state.st_size

    def _manifest(self) -> dict[str, Any]:
        with _guarded(self._folder):
            checksum, content = (self._folder / _MANIFEST).read_bytes().split(b"\n", 1)
            if int(checksum) != zlib.crc32(content):
                raise DerivedDamageError("the manifest of the packed vectors does not fit its checksum")
            manifest: dict[str, Any] = json.loads(content)
            if manifest["layout"] != LAYOUT_VERSION:
                raise DerivedDamageError("the packed vectors have another layout")
            return manifest

    def pack(self, batches: Iterable[StoredVectors], position: Position) -> None:
        """Write a new folder, make it durable, then point the manifest to it and drop the former one."""
        former = {path.name for path in self._folder.glob("p*")} if self._folder.exists() else set()
        name = f"p{1 + max((int(n[1:]) for n in former if n[1:].isdigit()), default=0)}"
        with _guarded(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / name).mkdir(mode=0o700)
            try:
                files = _write_arrays(self._folder / name, batches)
                manifest = {
                    "layout": LAYOUT_VERSION, "folder": name, "files": files,
                    "corpus": position.corpus, "sequence": position.sequence,
                }  # fmt: skip
                content = json.dumps(manifest).encode()
                _replace_durably(self._folder / _MANIFEST, b"%d\n%b" % (zlib.crc32(content), content))
            except BaseException:
                shutil.rmtree(self._folder / name, ignore_errors=True)
                raise
        for old in former:
            shutil.rmtree(self._folder / old, ignore_errors=True)

    def search(
        self,
        query: NDArray[np.float32],
        limit: int,
        tail: StoredVectors,
        allowed: NDArray[np.int64] | None,
    ) -> list[tuple[int, float]]:
        """Return the best (text id, cosine), best first, of the packed rows and the tail."""
        parts = [self._pack.rows.best(query, limit, allowed)] if self._pack is not None else []
        parts.append(self._unpacked(tail).best(query, limit, allowed))
        ids = np.concatenate([part[0] for part in parts])
        scores = np.minimum(np.concatenate([part[1] for part in parts]), 1.0)  # int8 can lift a cosine over 1
        if limit < scores.size:  # to sort them all would take as long as a tenth of the scan
            chosen = scores >= np.partition(scores, -limit)[-limit]
            ids, scores = ids[chosen], scores[chosen]
        order = np.argsort(-scores, kind="stable")[:limit]
        return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))

    def _unpacked(self, tail: StoredVectors) -> Segment:
        """Return the tail made ready; kept by identity, for callers keep it until something is stored."""
        if self._tail is None or self._tail[0] is not tail:
            self._tail = (tail, Segment.of(tail))
        return self._tail[1]

    def verify(self) -> list[str]:
        """Compare every file with its checksum and return what is wrong; nothing is where nothing was packed yet."""
        if not (self._folder / _MANIFEST).exists():
            return []
        try:
            manifest = self._manifest()
            with _guarded(self._folder):
                return [
                    f"{name}.npy does not fit its checksum"
                    for name in _FILES
                    if _checksum(self._folder / manifest["folder"] / f"{name}.npy") != manifest["files"][name]
                ]
        except DerivedDamageError as error:
            return [error.message]

    def clear(self) -> None:
        """Drop everything."""
        self._pack = None
        shutil.rmtree(self._folder, ignore_errors=True)


def _write_arrays(folder: Path, batches: Iterable[StoredVectors]) -> dict[str, list[int]]:
    planes: list[NDArray[np.uint64]] = []
    codes: list[NDArray[np.int8] | NDArray[np.uint8]] = []
    scales, ids = [], []
    for batch in batches:
        batch_codes, batch_scales = decode(batch.data, batch.storage)
        planes.append(bit_planes(batch_codes))
        codes.append(batch_codes)
        scales.append(batch_scales)
        ids.append(batch.text_ids)
    arrays: dict[str, NDArray[Any]] = {
        "planes": np.concatenate(planes, axis=1) if planes else np.zeros((0, 0), np.uint64),
        "codes": np.concatenate(codes) if codes else np.zeros((0, 0), np.int8),
        "scales": np.concatenate(scales) if scales else np.zeros(0, np.float32),
        "ids": np.concatenate(ids) if ids else np.zeros(0, np.int64),
    }
    return {name: _save(folder / f"{name}.npy", array) for name, array in arrays.items()}


class _Checked:
    """Counts and sums what is written. Given this instead of a file, numpy reports a full disk with its errno."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size, self.checksum = 0, 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)


def _save(path: Path, array: NDArray[Any]) -> list[int]:
    """Write an array durably; return the size and the checksum of the file."""
    with path.open("wb") as file:
        checked = _Checked(file)
        np.save(checked, array)
        file.flush()
        os.fsync(file.fileno())
    return [checked.size, checked.checksum]


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))  # a plain view: np.memmap is slow to index
    except Exception as error:  # numpy reads the header as Python source, and a damaged one fails in any way
        raise DerivedDamageError(f"{path.name} of the packed vectors cannot be read") from error


def _fitting(pack: Segment) -> bool:
    """Whether the arrays are of the types and shapes that one packing gives them."""
    rows = pack.ids.size
    typed = (pack.planes, np.uint64), (pack.scales, np.float32), (pack.ids, np.int64)
    bits = {"int8": 1, "uint8": 8}.get(pack.codes.dtype.name, 0)
    return (
        bits > 0
        and all(array.dtype == kind for array, kind in typed)
        and pack.ids.shape == pack.scales.shape == (rows,)
        and pack.codes.ndim == pack.planes.ndim == 2
        and pack.codes.shape[0] == pack.planes.shape[1] == rows
        and pack.planes.shape[0] == -(-pack.codes.shape[1] * bits // (8 * pack.planes.itemsize))
        and pack.codes.flags.c_contiguous
        and pack.planes.flags.c_contiguous
    )


def _checksum(path: Path) -> list[int]:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return [path.stat().st_size, value]


def _replace_durably(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == 28:
            raise DiskFullError(f"the disk of {folder} is full", "free some room and run the command again") from error
        raise DerivedDamageError(f"the packed vectors cannot be used ({error})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DerivedDamageError(f"the packed vectors cannot be used ({error})") from error
