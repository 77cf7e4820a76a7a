"""What a source finds below a root: files to read, files passed over and the text of one file."""

from dataclasses import dataclass
from typing import Final

# Why a path is passed over. `UNREADABLE` and `VANISHED` say nothing about the content: what is known of the
# path stays true until it can be read again. Every other reason means that there is nothing to search in it.
UNREADABLE: Final = "unreadable"
VANISHED: Final = "vanished"
BINARY: Final = "binary"
TOO_LARGE: Final = "too large"
MINIFIED: Final = "minified"
GENERATED: Final = "generated"
LOCK_FILE: Final = "lock file"
EMPTY: Final = "empty"
ENCODING: Final = "unknown encoding"
NAME: Final = "name is not UTF-8"
LINK: Final = "symbolic link"
NOT_REGULAR: Final = "not a regular file"
DEPENDENCIES: Final = "dependency or build folder"
ANOTHER_PROJECT: Final = "another project"
NO_PROJECT: Final = "unknown project"
COMPRESSED: Final = "compressed"  # What is known of it stays true as well: it is the same transcript.


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the folder lists it; while these three are unchanged, the file need not be read again.

    `path` is POSIX and relative to the root, `size` is in bytes, `mtime_ns` in nanoseconds since the epoch.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that is passed over, and why (one of the constants of this module).

    A `path` that ends in "/" is a folder: nothing below it was looked at.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """The text of one file.

    `repository` is the name of the enclosing git repository, "" outside any. `content_hash` is the 16-byte
    BLAKE2b of the raw bytes. `replaced` counts what could not be decoded and stands as U+FFFD in `text`:
    bytes in UTF-8, code units in UTF-16 and UTF-32.
    """

    text: str
    repository: str
    content_hash: bytes
    replaced: int
