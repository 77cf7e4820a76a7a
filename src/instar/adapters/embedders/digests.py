"""What tells one file or folder of weights from another, without reading gigabytes at every start."""

import hashlib
import os
from pathlib import Path

from instar.adapters.embedders.hub import SMALL, WEIGHTS

SAMPLE = 65_536
"""Bytes read from the end of a weight file: training moves every weight, so a few thousand of them tell."""
DIGITS = 32


def of_folder(folder: Path) -> str:
    """Hash a model's folder: small files whole, weights by name, size, beginning and end.

    What it does not see: weights in the middle of a file that were changed by hand while both ends stayed the same.
    Exports for other libraries in folders below (`onnx/`, `openvino/`) count as well: better another name too many.
    """
    digest = hashlib.sha256()
    paths = {path for pattern in (*SMALL, *WEIGHTS) for path in folder.rglob(pattern)}
    for path in sorted(paths):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        small = any(path.match(pattern) for pattern in SMALL)
        digest.update(path.read_bytes() if small else ends(path))
    return digest.hexdigest()[:DIGITS]


def ends(path: Path, beginning: int = SAMPLE) -> bytes:
    """Return the first `beginning` bytes of a file and its last `SAMPLE`."""
    with path.open("rb") as opened:
        head = opened.read(beginning)
        opened.seek(max(path.stat().st_size - SAMPLE, 0), os.SEEK_SET)
        return head + opened.read()
