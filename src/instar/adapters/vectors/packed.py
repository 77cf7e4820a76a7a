"""Packed vectors of one generation: sign bits to scan, int8 codes to rescore, memory-mapped.

The files are derived from the store: each packing writes a new folder, then replaces the manifest in one step, so that
readers keep what they opened. Vectors stored since then (the tail) are handed in and compared exactly.
"""

import json
import os
import shutil
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from instar.domain.stored import Position, StoredVectors
from instar.domain.vectors import bit_planes, decode_int8, dot, hamming, nearest
from instar.errors import DerivedDamageError, DiskFullError

LAYOUT_VERSION = 1
SCAN_OUTRIGHT = 4_000
"""Up to so many rows all int8 codes are compared: about 0.5 ms, and nothing is lost to the 1-bit codes."""
RESCORED_LEAST = 1_250
RESCORED_SHARE = 256
"""Rows rescored after the bit scan: at least the first, or one in so many. The agreement of 1-bit codes falls with the
number of rows (384 dimensions: .971 at 100,000 rows, at 1,000,000 .954 with 1,000 rescored and .970 with 3,000); at 256
dimensions and 123,000 rows 1,000 give .970 to .980, 1,500 .980 to .986 and cost 0.07 ms more."""
KEPT_FILTERS = 16

_MANIFEST = "manifest.json"
_FILES = ("planes", "codes", "scales", "ids")


@dataclass(frozen=True, slots=True)
class _Pack:
    manifest: dict[str, Any]
    position: Position
    planes: NDArray[np.uint64]
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Filter:
    """The rows of the texts that may answer, and their sign bits beside each other (32 bytes a row of 256)."""

    allowed: NDArray[np.int64]
    rows: NDArray[np.intp]
    planes: NDArray[np.uint64]


class PackedVectors:
    """See `instar.ports.VectorIndex`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pack: _Pack | None = None
        self._stamp: tuple[int, ...] | None = None
        self._filters: OrderedDict[int, _Filter] = OrderedDict()

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
        return int(self._pack.ids.size) if self._pack else 0

    def _open(self) -> None:
        stamp = self._manifest_stamp()
        if self._pack is not None and self._stamp == stamp:
            return
        manifest = self._manifest()
        self._filters.clear()
        with _guarded(self._folder):
            arrays = {}
            for name in _FILES:
                path = self._folder / str(manifest["folder"]) / f"{name}.npy"
                if path.stat().st_size != manifest["files"][name][0]:
                    raise DerivedDamageError(f"{path.name} of the packed vectors has a wrong size")
                arrays[name] = _mapped(path)
            position = Position(manifest["corpus"], manifest["sequence"])
            pack = _Pack(manifest, position, **arrays)
        if not _fitting(pack):
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
        ids, scores = self._packed_best(query, limit, allowed)
        if tail.text_ids.size:
            kept = slice(None) if allowed is None else np.flatnonzero(np.isin(tail.text_ids, allowed))
            ids = np.concatenate([ids, tail.text_ids[kept]])
            scores = np.concatenate([scores, dot(decode_int8(tail.data, tail.storage), kept, query)])
        scores = np.minimum(scores, 1.0)  # rounding to int8 can lift a cosine over 1
        order = np.argsort(-scores, kind="stable")[:limit]
        return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))

    def _packed_best(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        pack = self._pack
        if pack is None or not pack.ids.size:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        candidates = _candidates(pack, query, limit, None if allowed is None else self._filter(pack, allowed))
        return pack.ids[candidates], dot((pack.codes, pack.scales), candidates, query)

    def _filter(self, pack: _Pack, allowed: NDArray[np.int64]) -> "_Filter":
        """Return the rows of the allowed texts; kept by identity, for callers keep the array of a filter."""
        kept = self._filters.get(id(allowed))
        if kept is not None and kept.allowed is allowed:
            self._filters.move_to_end(id(allowed))
            return kept
        places = np.searchsorted(pack.ids, allowed)
        places[places == pack.ids.size] = 0
        rows: NDArray[np.intp] = places[pack.ids[places] == allowed]
        kept = self._filters[id(allowed)] = _Filter(allowed, rows, pack.planes[:, rows])
        if len(self._filters) > KEPT_FILTERS:
            self._filters.popitem(last=False)
        return kept

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


def _candidates(pack: _Pack, query: NDArray[np.float32], limit: int, narrowed: _Filter | None) -> NDArray[np.intp]:
    """Return the rows worth an exact comparison."""
    count = pack.ids.size if narrowed is None else narrowed.rows.size
    rescored = max(RESCORED_LEAST, count // RESCORED_SHARE, limit)
    if count <= max(SCAN_OUTRIGHT, rescored):
        return np.arange(count) if narrowed is None else narrowed.rows
    planes = pack.planes if narrowed is None else narrowed.planes
    chosen = nearest(hamming(planes, bit_planes(query[None, :])[:, 0]), rescored)
    return chosen if narrowed is None else narrowed.rows[chosen]


def _write_arrays(folder: Path, batches: Iterable[StoredVectors]) -> dict[str, list[int]]:
    planes: list[NDArray[np.uint64]] = []
    codes, scales, ids = [], [], []
    for batch in batches:
        batch_codes, batch_scales = decode_int8(batch.data, batch.storage)
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


def _fitting(pack: _Pack) -> bool:
    """Whether the arrays are of the types and shapes that one packing gives them."""
    rows = pack.ids.size
    typed = (pack.planes, np.uint64), (pack.codes, np.int8), (pack.scales, np.float32), (pack.ids, np.int64)
    return (
        all(array.dtype == kind for array, kind in typed)
        and pack.ids.shape == pack.scales.shape == (rows,)
        and pack.codes.ndim == pack.planes.ndim == 2
        and pack.codes.shape[0] == pack.planes.shape[1] == rows
        and pack.planes.shape[0] == -(-pack.codes.shape[1] // (8 * pack.planes.itemsize))
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
