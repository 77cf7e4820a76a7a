"""The corpus: roots, their documents, and what a reader made of a file."""

from dataclasses import dataclass
from enum import StrEnum

from instar.domain.chunks import Chunk


class SourceKind(StrEnum):
    """What a document is."""

    CODE = "code"
    DOCS = "docs"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder the user asked to search.

    `scanned_at` (seconds since the epoch) is when its files were last compared to the corpus in full, None before the
    first time. `pending` counts the documents known to have changed and not read yet.
    """

    id: int
    path: str
    added_at: float
    scanned_at: float | None
    pending: int


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What is stored of a file, enough to see whether it has to be read again."""

    id: int
    size: int
    mtime_ns: int
    content_hash: bytes
    reader_version: str
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read: redacted, cut in chunks, ready to be stored.

    One that turned out to have no text has the reason in `skipped` and no chunks; it is kept so that it is not opened
    again before it changes.
    """

    path: str
    size: int
    mtime_ns: int
    content_hash: bytes
    reader_version: str
    source: SourceKind
    language: str | None
    repository: str
    chunks: tuple[Chunk, ...]
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Touched:
    """A file whose time stamp changed and whose content did not."""

    document_id: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class LexicalRow:
    """One chunk as the lexical index holds it."""

    chunk_id: int
    text_id: int
    document_id: int
    root_id: int
    source: str
    language: str
    repository: str
    path: str
    symbol: str
    text: str
