"""The files a call names, as absolute paths where the folder is known."""

import posixpath
import re

from instar.domain.sessions import Action, Touch

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
MAX_PATH = 4_096  # What an operating system takes; more is no path.


def joined(folder: str, path: str) -> str:
    """Return a path, joined to the folder where it is relative, without `.` and `..`."""
    return path if _DRIVE.match(path) else posixpath.normpath(posixpath.join(folder, path))


def touch(folder: str, path: str, action: Action) -> tuple[Touch, ...]:
    """Return a touch of that file, none where this is no path."""
    if not path.strip() or len(path) > MAX_PATH or "\n" in path:
        return ()
    return (Touch(joined(folder, path), action),)
