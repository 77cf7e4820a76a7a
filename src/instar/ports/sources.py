"""What is read: files of a root, transcripts of sessions."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from instar.domain.sources import Content, FileState, Skipped


class Source(Protocol):
    """One root as it is on disk now."""

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every file in order of path. Raises `RootMissingError` where the root is not there."""
        ...

    def read(self, path: str) -> Content | Skipped:
        """Return the content of one file, or why it has none."""
        ...


class OpenTranscript(Protocol):
    """One transcript while it is read."""

    def lines(self, offset: int) -> Iterator[bytes]:
        """Yield the lines from `offset` (bytes) on, read one by one, each with its line feed. Raises `OSError`.

        One longer than `LONGEST_LINE` comes in pieces of a byte more, so that it is never held whole.
        """
        ...

    def before(self, offset: int) -> bytes:
        """Return the hash of the last bytes before `offset`, b"" where the transcript is shorter. Raises `OSError`."""
        ...


class SessionSource(Protocol):
    """A folder with transcripts of sessions as it is on disk now; paths are absolute."""

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every transcript, the last by path first. Raises `RootMissingError` where the folder is not there."""
        ...

    def open(self, path: str) -> AbstractContextManager[OpenTranscript | Skipped]:
        """Open a transcript, or say why it cannot be."""
        ...
