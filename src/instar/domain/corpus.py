"""The corpus: roots, their documents, and what a reader made of a file."""

from dataclasses import dataclass
from enum import StrEnum

from instar.domain.chunks import Chunk
from instar.domain.sessions import Transcript


class SourceKind(StrEnum):
    """What a document is."""

    CODE = "code"
    DOCS = "docs"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class SessionChoice:
    """Whose transcripts of sessions belong to a root.

    `folders` are the absolute folders they lie in. `projects` are globs (`instar.domain.globs`) over the folder a
    session began in; without any it is the sessions that began in the root or below.
    """

    folders: tuple[str, ...]
    projects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """A folder the user asked to search.

    `scanned_at` (seconds since the epoch) is when its files were last compared to the corpus in full, None before the
    first time. `pending` counts the documents known to have changed and not read yet. `sessions` is None where no
    transcripts were asked for.
    """

    id: int
    path: str
    added_at: float
    scanned_at: float | None
    pending: int
    sessions: SessionChoice | None = None


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What is stored of a file, enough to see whether it has to be read again."""

    id: int
    size: int
    mtime_ns: int
    content_hash: bytes
    reader_version: str
    skipped: str = ""
    source: SourceKind = SourceKind.CODE


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read: redacted, cut in chunks, ready to be stored.

    One that turned out to have no text has the reason in `skipped` and no chunks; it is kept so that it is not opened
    again before it changes.

    A session has its `transcript` (redacted, touched paths as they are to be found), an absolute `path`, and as
    `content_hash` that of the last bytes before `transcript.resume`. Of one that has grown it is the new part alone:
    the turns that begin in the first `kept_lines` lines stay as they are stored.
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
    transcript: Transcript | None = None
    kept_lines: int = 0


@dataclass(frozen=True, slots=True)
class Touched:
    """A file whose time stamp changed and whose content did not."""

    document_id: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class LexicalRow:
    """One chunk as the lexical index holds it; role, branch and time are those of its turn in a session."""

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
    role: str = ""
    branch: str = ""
    at: float | None = None
