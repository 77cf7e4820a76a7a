"""Which sessions belong to a root."""

import hashlib
import json
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath
from posixpath import normpath

from instar.domain.globs import glob_pattern


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
        fits = [glob_pattern(glob, below=False).fullmatch for glob in self.globs]
        # The innermost: in a folder `app-worktrees/app-2`, what `app-*` means is the worktree.
        for place in (began, *began.parents):
            if any(fit(str(place).strip("/")) for fit in fits):
                return str(place)
        return None

    def shown(self, path: str, home: str) -> str:
        """Return a touched path as it is found again: relative to its project or to the root, else absolute."""
        file = PurePosixPath(normpath(path))
        for place in (home, self.root):
            if file.is_relative_to(place):
                return file.relative_to(place).as_posix()
        return str(file)
