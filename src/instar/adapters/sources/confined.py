"""Opening files and folders below one folder, whatever is put in their place meanwhile."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from instar.domain.sources import NOT_REGULAR, TOO_LARGE

# Characters of a path opened in one call, of four bytes at most. macOS refuses 1,024 bytes, Linux 4,096.
_LONGEST_PATH = 250
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO waits for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Close the descriptor at the end of the block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_root(path: str) -> int:
    """Open a folder by its absolute path and return its descriptor. Raises `OSError`, also for a link."""
    return os.open(path, _FOLDER)


def open_folder(root: int, path: str) -> int:
    """Open the folder `path` ("" for the root itself) below the open folder `root` and return its descriptor.

    `path` may be longer than the system allows in one call. Raises `OSError`; the last folder must not be a
    link. One on the way is not noticed, which is enough for listing: contents are read by `read_file` alone.
    """
    current = os.open(".", _FOLDER, dir_fd=root)
    for step in _steps(path.rstrip("/")):  # with a final slash, a link at the end would be followed
        current = _step(current, step, _FOLDER)
    return current


def read_file(root: int, path: str, limit: int) -> bytes | str:
    """Return the bytes of a regular file below `root`, or the reason why not (`NOT_REGULAR`, `TOO_LARGE`).

    No symbolic link is followed, at the end of `path` or on the way, so that nothing outside the root is
    read; a file of more than `limit` bytes is not read at all. Raises `OSError` (ELOOP and ENOTDIR where a
    link or a file stands in the way) and `ValueError` for a path that is not strictly below the root.
    """
    with closing(open_file(root, path)) as file:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return NOT_REGULAR
        if status.st_size > limit:
            return TOO_LARGE
        raw = _read(file, limit + 1)  # it may have grown
        return raw if len(raw) <= limit else TOO_LARGE


def open_file(root: int, path: str) -> int:
    """Open what `path` names strictly below the open folder `root` for reading and return its descriptor.

    No symbolic link is followed. Raises `OSError` and `ValueError` as `read_file` does.
    """
    *folders, name = parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        raise ValueError(f"not a path below the root: {path!r}")
    current = os.open(".", _FOLDER, dir_fd=root)
    for folder in folders:
        current = _step(current, folder, _FOLDER)
    return _step(current, name, _FILE)


def _steps(path: str) -> Iterator[str]:
    """Cut a path into pieces that the system accepts."""
    piece = ""
    for name in path.split("/"):
        if piece and len(piece) + len(name) > _LONGEST_PATH:
            yield piece
            piece = ""
        piece = f"{piece}/{name}" if piece else name
    if piece:
        yield piece


def _step(folder: int, path: str, flags: int) -> int:
    """Open `path` below the descriptor `folder`, and close `folder`."""
    with closing(folder):
        return os.open(path, flags, dir_fd=folder)


def _read(file: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(file, limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
