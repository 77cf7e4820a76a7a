"""A folder with transcripts of sessions as a source: every `.jsonl` below it, links not followed.

Agents name what is newer by what sorts later, as days and times: so it is listed the last first.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from instar.adapters.sources import confined, text
from instar.adapters.sources.roots import is_utf8
from instar.domain.sessions import LONGEST_LINE
from instar.domain.sources import (
    ANOTHER_PROJECT,
    COMPRESSED,
    NAME,
    NOT_REGULAR,
    UNREADABLE,
    VANISHED,
    FileState,
    Skipped,
)
from instar.errors import RootMissingError

if TYPE_CHECKING:
    from instar.ports import OpenTranscript

SUFFIX = ".jsonl"
COMPRESSED_SUFFIX = ".zst"
"""What Codex appends to the name of a transcript that it has packed after some days."""
TAIL_BYTES = 4_096
"""Compared before reading goes on where it ended: more than one record, so that two transcripts do not agree in it."""
_MOST_ENCODED = 200
"""Characters of a folder's name that Claude Code keeps of a long path."""


def encoded(folder: str) -> str:
    """Return what Claude Code calls the folder with the sessions of a project."""
    return re.sub(r"[^A-Za-z0-9]", "-", folder)[:_MOST_ENCODED]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what a folder holds, the last by name first. Raises `OSError` where not all of it can be seen."""
    with os.scandir(folder) as listing:
        return sorted(listing, key=attrgetter("name"), reverse=True)


class TranscriptSource:
    """The transcripts below `folder`; see `instar.ports.SessionSource`.

    With `project`, folders directly in it that are named by other projects, as Claude Code does, are not entered.
    """

    def __init__(self, folder: Path, project: str | None = None) -> None:
        self._folder = folder
        self._project = None if project is None else encoded(project)

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every transcript, the last by path first; an unreadable folder as `Skipped` with a final slash.

        One that is packed is `Skipped` under the path it had.
        """
        try:
            entries = _entries(str(self._folder))
        except OSError as error:
            raise self._missing(error.strerror or "") from error
        if not entries:
            raise self._missing("it is empty")
        for entry in entries:
            if self._is_foreign(entry.name) and entry.is_dir(follow_symlinks=False):
                yield Skipped(f"{self._folder}/{entry.name}/", ANOTHER_PROJECT)
            else:
                yield from self._found(str(self._folder), entry)

    def _is_foreign(self, name: str) -> bool:
        """Whether a folder is named by the path of a project outside the one wanted."""
        return self._project is not None and name.startswith("-") and not name.startswith(self._project)

    def _found(self, folder: str, entry: os.DirEntry[str]) -> Iterator[FileState | Skipped]:
        path = f"{folder}/{entry.name}"
        try:
            if not (path.isascii() or is_utf8(path)):
                yield Skipped(ascii(path), NAME)
            elif entry.is_dir(follow_symlinks=False):
                yield from self._below(path)
            elif entry.is_file(follow_symlinks=False) and path.endswith(SUFFIX + COMPRESSED_SUFFIX):
                yield Skipped(path.removesuffix(COMPRESSED_SUFFIX), COMPRESSED)
            elif entry.is_file(follow_symlinks=False) and path.endswith(SUFFIX):
                status = entry.stat(follow_symlinks=False)
                if status.st_size:
                    yield FileState(path, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:  # gone since
            return
        except OSError:
            yield Skipped(path, UNREADABLE)

    def _below(self, folder: str) -> Iterator[FileState | Skipped]:
        try:
            entries = _entries(folder)
        except FileNotFoundError:
            return
        except OSError:
            yield Skipped(f"{folder}/", UNREADABLE)
            return
        for entry in entries:
            yield from self._found(folder, entry)

    def _missing(self, why: str) -> RootMissingError:
        return RootMissingError(
            f"the sessions in {self._folder} cannot be read now ({why}); what is indexed of them is kept",
            "mount or restore the folder, or run `instar index --no-sessions`",
        )

    @contextmanager
    def open(self, path: str) -> Iterator["OpenTranscript | Skipped"]:
        """Open a transcript; yields why not where it cannot be read."""
        try:
            file = self._descriptor(path)
        except FileNotFoundError:
            yield Skipped(path, VANISHED)
            return
        except OSError:
            yield Skipped(path, UNREADABLE)
            return
        with confined.closing(file):
            yield OpenFile(file) if stat.S_ISREG(os.fstat(file).st_mode) else Skipped(path, NOT_REGULAR)

    def _descriptor(self, path: str) -> int:
        with confined.closing(confined.open_root(os.fspath(self._folder))) as folder:
            return confined.open_file(folder, os.path.relpath(path, self._folder))


class OpenFile:
    """An open transcript; see `instar.ports.OpenTranscript`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def lines(self, offset: int) -> Iterator[bytes]:
        """Yield the lines from `offset` (bytes) on, each with its line feed; the last one may lack it.

        One longer than `LONGEST_LINE` comes in pieces of a byte more.
        """
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        with open(self._descriptor, "rb", closefd=False) as file:
            while piece := file.readline(LONGEST_LINE + 1):
                yield piece

    def before(self, offset: int) -> bytes:
        """Return the hash of the last bytes before `offset`, b"" where the transcript is shorter."""
        length = min(offset, TAIL_BYTES)
        tail = os.pread(self._descriptor, length, offset - length)
        return text.content_hash(tail) if len(tail) == length else b""
