"""Which sessions belong to a root."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from posixpath import normpath

from instar.domain.globs import glob_pattern

LONGEST_PATH = 4_096  # Characters; no system takes more bytes.
DEEPEST = 128  # Folders in a path: real ones have some ten, and each is held against every glob.
_WORKTREE = re.compile(r"(?:(?<=/)|^)\.claude/worktrees/[^/]+/")  # where Claude Code puts copies of a repository
_BELOW = "/\0"  # No name of a file: only a glob for every name fits it.


@dataclass(frozen=True, slots=True)
class Projects:
    """The projects whose sessions belong to the root `root`.

    Without `globs` these are the folders at or below it that are in none of the roots `nested` in it.
    """

    root: str
    nested: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Eight digits that change with the choice, so that a session is looked at again where it might matter."""
        return hashlib.sha256(json.dumps(astuple(self)).encode("utf-8", "replace")).hexdigest()[:8]

    def home(self, folder: str) -> str | None:
        """Return the folder of the project that a session in `folder` belongs to, None for another project."""
        began = PurePosixPath(normpath(folder))
        if not self.globs:
            inner = any(began.is_relative_to(nested) for nested in self.nested)
            return self.root if began.is_relative_to(self.root) and not inner else None
        return self._innermost(began)

    def shown(self, path: str, home: str) -> str:
        """Return a touched path as it is found again: relative to the innermost of project and root, else absolute.

        `home` is the project of the session. What lies in a worktree below one is shown as if it lay in the project.
        """
        file = PurePosixPath(normpath(path))
        places = [home, self.root, self._innermost(file.parent, project_only=True)]
        around = [place for place in places if place is not None and file.is_relative_to(place)]
        if not around:
            return str(file)
        return _WORKTREE.sub("", file.relative_to(max(around, key=len)).as_posix())

    def _innermost(self, folder: PurePosixPath, *, project_only: bool = False) -> str | None:
        """Return the innermost folder, of this one and those above, that a glob fits, None for none.

        The innermost: in a folder `app-worktrees/app-2`, what `app-*` means is the worktree. `project_only` leaves out
        globs that fit whatever is below as well, which tell no project from a folder in it.
        """
        if len(str(folder)) > LONGEST_PATH or len(folder.parts) > DEEPEST:
            return None
        for place in map(str, (folder, *folder.parents)):
            name = place.strip("/")
            if any(fits(name) and not (project_only and fits(name + _BELOW)) for fits in _fits(self.globs)):
                return place
        return None


@lru_cache(maxsize=8)
def _fits(globs: tuple[str, ...]) -> list[Callable[[str], re.Match[str] | None]]:
    return [glob_pattern(glob, below=False).fullmatch for glob in globs]
