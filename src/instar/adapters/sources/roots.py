"""Which folders may become roots."""

import os
from pathlib import Path

from instar.errors import RootMissingError, RootRefusedError

# Every folder directly inside one of these is somebody's home.
HOMES = (Path("/home"), Path("/Users"))
# What the kernel makes up looks like files and has no end.
_OF_THE_KERNEL = (Path("/proc"), Path("/sys"))
# Homes of the administrator on Linux and macOS.
_ADMIN_HOMES = (Path("/root"), Path("/var/root"), Path("/private/var/root"))


def check_root(path: Path, home: Path, *, data: Path | None = None) -> Path:
    """Return `path` resolved (absolute, no symbolic links) if it may be indexed.

    `home` is the user's home folder and `data` the data folder. Raises `RootMissingError` if nothing is there
    and `RootRefusedError` for `/`, a whole home folder (this user's or anybody's) or what holds one, `/proc`
    and `/sys`, the data folder or a part of it, anything but a folder, one whose path is not UTF-8 and one
    that cannot be listed.
    """
    folder = _resolved(path)
    if not folder.is_dir():
        raise RootRefusedError(
            f"{folder} is not a folder", f"name the folder it is in: {folder.parent}, and narrow with --path"
        )
    if not is_utf8(folder):
        raise RootRefusedError(f"the name of {str(folder)!r} is not UTF-8", "rename it")
    if any(folder.is_relative_to(place) for place in _OF_THE_KERNEL):
        raise RootRefusedError(f"{folder} is made up by the kernel", "name a folder of your own files")
    if _holds_a_home(folder, home.expanduser().resolve()):
        raise RootRefusedError(
            f"{folder} is or holds a whole home folder", "name the folders in it that you want searched"
        )
    if data is not None and folder.is_relative_to(data.expanduser().resolve()):
        raise RootRefusedError(f"{folder} is in the data folder of Instar", "name the folder of your own files")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise RootRefusedError(f"{folder} cannot be listed", "ask for the permission to read it")
    return folder


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, or an unknown ~user
        raise RootMissingError(f"{path} is not there", "check the path, or mount what it is on") from error


def is_utf8(path: Path | str) -> bool:
    """Whether the name of a file can be stored."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _holds_a_home(folder: Path, home: Path) -> bool:
    """Whether `folder` is a home, or one stands below it: then it covers everything that somebody has."""
    homes = (home, *HOMES, *_ADMIN_HOMES)
    return folder.parent in HOMES or any(place.is_relative_to(folder) for place in homes)
