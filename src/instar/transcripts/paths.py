"""The files a call names, as absolute paths."""

import posixpath
import re

from instar.domain.sessions import Action, Touch
from instar.transcripts.values import MAX_PATH

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def within(folder: str, path: str) -> str:
    """Return a path, joined to the folder where it is relative, else as it stands: so its secrets are still told."""
    return path if _DRIVE.match(path) else posixpath.join(folder, path)


def joined(folder: str, path: str) -> str:
    """Return a path, joined to the folder where it is relative, without `.` and `..`."""
    return path if _DRIVE.match(path) else posixpath.normpath(within(folder, path))


def touch(folder: str, path: str, action: Action) -> tuple[Touch, ...]:
    """Return a touch of that file, none where this is no path, or the folder it is relative to is not known."""
    if not path.strip() or len(path) > MAX_PATH or "\n" in path:
        return ()
    whole = joined(folder, path)
    known = whole.startswith("/") or _DRIVE.match(whole)
    return (Touch(whole, action),) if known and len(whole) <= MAX_PATH else ()
