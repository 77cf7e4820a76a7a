"""From the content of a file to a document that may be stored."""

from instar.chunking import CHUNKER_VERSION, chunk, detect_language, source_of
from instar.domain.corpus import Document, SourceKind
from instar.domain.sources import Content, FileState, Skipped
from instar.redaction import REDACTOR_VERSION, redact

READER_VERSION = f"{REDACTOR_VERSION}.{CHUNKER_VERSION}"
"""Files read by another version are read again."""

HEAD_CHARACTERS = 200  # enough for the first line, which may name an interpreter


def read_document(state: FileState, content: Content) -> Document:
    """Redact first, so that no secret reaches a chunk, then cut; lines stay those of the file."""
    text = redact(content.text).text
    language = detect_language(state.path, text[:HEAD_CHARACTERS])
    return Document(
        path=state.path,
        size=state.size,
        mtime_ns=state.mtime_ns,
        content_hash=content.content_hash,
        reader_version=READER_VERSION,
        source=SourceKind(source_of(language)),
        language=language,
        repository=content.repository,
        chunks=tuple(chunk(text, language)),
    )


def remember_skipped(state: FileState, skipped: Skipped) -> Document:
    """Return what is stored of a file without text."""
    return Document(
        path=state.path,
        size=state.size,
        mtime_ns=state.mtime_ns,
        content_hash=b"",
        reader_version=READER_VERSION,
        source=SourceKind.CODE,
        language=None,
        repository="",
        chunks=(),
        skipped=skipped.reason,
    )
