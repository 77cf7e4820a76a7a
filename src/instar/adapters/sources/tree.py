"""A folder and everything below it, as a source.

Which entries count, strongest first:

1. Folders of version control are never entered, nor are `nested_roots`, nor is any symbolic link followed.
2. `.instarignore`, in the folder of the entry or above it, up to the top of the repository the root lies in.
3. Dependency folders, lock files and minified files are left out (`defaults.py`).
4. `.gitignore`, likewise, and `.git/info/exclude`; a repository inside the root is subject to its own files
   alone, as it is for git. Rules are the same with and without a repository, and for tracked and untracked
   files. The user's global git configuration is not read, so a search finds the same whoever asks.

Empty files are not listed: there is nothing to find in them.
"""

import errno
import os
import stat
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from instar.adapters.sources import confined, defaults, repository, text
from instar.adapters.sources.ignore import IgnoreRules, RuleChain, compile_rules
from instar.adapters.sources.patterns import as_bytes_text
from instar.domain.sources import (
    DEPENDENCIES,
    LINK,
    NAME,
    NOT_REGULAR,
    TOO_LARGE,
    UNREADABLE,
    VANISHED,
    Content,
    FileState,
    Skipped,
)
from instar.errors import RootMissingError

GITIGNORE = ".gitignore"
INSTARIGNORE = ".instarignore"
# Far above any real ignore file; a larger one is no ignore file.
_MAX_IGNORE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed: its path ("" or with a final slash) and the rules from above.

    `key` is the path that rules are matched against: it begins at the top of the repository around the root
    and has one character for each byte. `kept` says that `.instarignore` took the folder back in.
    """

    path: str
    key: str
    git: RuleChain
    own: RuleChain
    kept: bool = False


_Item = FileState | Skipped | _Folder


class TreeSource:
    """The files below `root` that are worth searching.

    `max_bytes` bounds the files that are read. `nested_roots` are absolute paths of roots with a source of
    their own.
    """

    def __init__(self, root: Path, *, max_bytes: int = 1_000_000, nested_roots: Collection[Path] = ()) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._nested = frozenset(
            f"{nested.relative_to(root).as_posix()}/"
            for nested in nested_roots
            if nested != root and nested.is_relative_to(root)
        )
        self._repositories: dict[str, str] = {}

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every file in order of path, with what is passed over and why.

        An unreadable folder is yielded as `Skipped` with a path that ends in "/"; what it holds is not known.
        Raises `RootMissingError` where the root is not there, or no longer when the walk ends.
        """
        self._repositories.clear()
        root = self._open_root()
        try:
            stack: list[_Item] = [self._top()]
            while stack:
                item = stack.pop()
                if isinstance(item, _Folder):
                    stack.extend(self._list(root, item))
                else:
                    yield item
            self._check_still_there(root)
        finally:
            os.close(root)

    def read(self, path: str) -> Content | Skipped:
        """Return the content of one file, or why it has none.

        Raises `RootMissingError` where the root is not there, and `ValueError` for a path that leads out of
        it.
        """
        root = self._open_root()
        try:
            raw = confined.read_file(root, path, self._max_bytes)
        except OSError as error:
            return Skipped(path, _reason_of(error))
        finally:
            os.close(root)
        if isinstance(raw, str):
            return Skipped(path, raw)
        return self._content(path, raw)

    def repository(self, path: str) -> str:
        """Return the name of the git repository around the file `path`, "" outside any.

        A linked worktree counts as the repository it was made from. What was found is kept until the next
        scan.
        """
        pending: list[str] = []
        folder = path.rpartition("/")[0]
        while folder not in self._repositories:
            pending.append(folder)
            place = self._root / folder
            if folder and not repository.is_working_tree(place):
                folder = folder.rpartition("/")[0]
                continue
            top = place if folder else repository.enclosing_working_tree(self._root)
            self._repositories[folder] = repository.repository_name(top) if top else ""
        name = self._repositories[folder]
        self._repositories.update(dict.fromkeys(pending, name))
        return name

    def _content(self, path: str, raw: bytes) -> Content | Skipped:
        if reason := text.reason_against_bytes(raw):
            return Skipped(path, reason)
        decoded, replaced = text.decode(raw)
        if reason := text.reason_against_text(decoded, replaced):
            return Skipped(path, reason)
        return Content(decoded, self.repository(path), text.content_hash(raw), replaced)

    def _open_root(self) -> int:
        try:
            return confined.open_root(os.fspath(self._root))
        except OSError as error:
            raise self._missing(_said(error)) from error

    def _missing(self, why: str) -> RootMissingError:
        return RootMissingError(
            f"{self._root} cannot be read now ({why}); what is indexed of it is kept",
            "mount or restore it, or drop it with `instar roots forget`",
        )

    def _check_still_there(self, root: int) -> None:
        """Raise unless the root is still the folder that was walked; else what was not found may exist."""
        now = self._open_root()
        try:
            if not os.path.sameopenfile(now, root):
                raise self._missing("replaced while it was read")
        finally:
            os.close(now)

    def _top(self) -> _Folder:
        """Return the root, with the rules of the folders above it that belong to the same repository.

        Rules that leave out the root itself do not count: whoever named it wants what is in it.
        """
        git, own, key = RuleChain(), RuleChain(), ""
        top = repository.enclosing_working_tree(self._root)
        if top is None or top == self._root:
            return _Folder("", key, git, own, kept=True)
        git = git.within(0, compile_rules(repository.exclude_rules(top)))
        for name in self._root.relative_to(top).parts:
            try:
                with confined.closing(confined.open_root(os.fspath(top))) as folder:
                    git = git.within(len(key), _rules(folder, GITIGNORE))
                    own = own.within(len(key), _rules(folder, INSTARIGNORE))
            except OSError as error:
                raise self._missing(f"{_said(error)}, and its rules count") from error
            plain = as_bytes_text(name)
            key += plain
            git = RuleChain() if git.verdict(plain, key, is_directory=True) else git
            own = RuleChain() if own.verdict(plain, key, is_directory=True) else own
            key += "/"
            top /= name
        return _Folder("", key, git, own, kept=True)

    def _list(self, root: int, folder: _Folder) -> list[_Item]:
        """Return what a folder holds, the last path first."""
        try:
            with confined.closing(confined.open_folder(root, folder.path)) as descriptor:
                with os.scandir(descriptor) as listing:
                    entries = list(listing)
                names = {entry.name for entry in entries}
                if not folder.kept and defaults.is_marked_inside(names):
                    return [Skipped(folder.path, DEPENDENCIES)]
                inner = self._with_own_rules(folder, descriptor, names)
                found = [self._item(entry, inner, names) for entry in entries]
        except OSError as error:
            if not folder.path:
                raise self._missing(_said(error)) from error
            return [Skipped(folder.path, UNREADABLE)] if _reason_of(error) == UNREADABLE else []
        items = [item for item in found if item is not None]
        items.sort(key=attrgetter("path"), reverse=True)
        return items

    def _with_own_rules(self, folder: _Folder, descriptor: int, names: Container[str]) -> _Folder:
        """Return the folder with the rules of its own ignore files in front."""
        git, own, base = folder.git, folder.own, len(folder.key)
        if ".git" in names and repository.is_working_tree(place := self._root / folder.path):
            git = RuleChain().within(base, compile_rules(repository.exclude_rules(place)))
        if GITIGNORE in names:
            git = git.within(base, _rules(descriptor, GITIGNORE))
        if INSTARIGNORE in names:
            own = own.within(base, _rules(descriptor, INSTARIGNORE))
        return replace(folder, git=git, own=own)

    def _item(self, entry: os.DirEntry[str], folder: _Folder, names: Container[str]) -> _Item | None:
        """Return what is to be said of one entry, None if nothing is."""
        name = entry.name
        if name in defaults.VCS_NAMES:
            return None
        is_directory = entry.is_dir(follow_symlinks=False)
        shown = name if name.isascii() else _shown(name)
        path = folder.path + shown + ("/" if is_directory else "")
        plain = as_bytes_text(name)
        key = folder.key + plain
        ignored = folder.own.verdict(plain, key, is_directory=is_directory)
        if ignored or (ignored is None and folder.git.verdict(plain, key, is_directory=is_directory)):
            return None
        if shown != name:
            return Skipped(path, NAME)
        by_default = ignored is None
        if not is_directory:
            return self._file(entry, path, by_default=by_default)
        if path in self._nested:
            return None
        if by_default and defaults.is_dependency_folder(name, names):
            return Skipped(path, DEPENDENCIES)
        return _Folder(path, f"{key}/", folder.git, folder.own, kept=not by_default)

    def _file(self, entry: os.DirEntry[str], path: str, *, by_default: bool) -> FileState | Skipped | None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError:
            return Skipped(path, UNREADABLE)
        if not stat.S_ISREG(status.st_mode):
            return Skipped(path, LINK if stat.S_ISLNK(status.st_mode) else NOT_REGULAR)
        if by_default and (reason := defaults.reason_by_name(entry.name)):
            return Skipped(path, reason)
        if status.st_size > self._max_bytes:
            return Skipped(path, TOO_LARGE)
        return FileState(path, status.st_size, status.st_mtime_ns) if status.st_size else None


def _rules(folder: int, name: str) -> IgnoreRules | None:
    """Return the rules of an ignore file in an open folder; a link, as for git, has none.

    Raises `OSError` for a file that cannot be read: without it, what it keeps out would be listed.
    """
    try:
        raw = confined.read_file(folder, name, _MAX_IGNORE_BYTES)
    except OSError as error:
        if _reason_of(error) == UNREADABLE:
            raise
        return None
    return compile_rules(raw) if isinstance(raw, bytes) else None


def _shown(name: str) -> str:
    """Return `name` with escapes for the bytes that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _said(error: OSError) -> str:
    """Return what the system says of a failed call, with the file if there is a name for it."""
    return f"{error.strerror}: {error.filename}" if isinstance(error.filename, str) else str(error.strerror)


def _reason_of(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return VANISHED
    return {errno.ELOOP: LINK, errno.ENXIO: NOT_REGULAR}.get(error.errno or 0, UNREADABLE)
