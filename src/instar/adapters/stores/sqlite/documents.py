"""Documents as rows: their chunks and texts, of a transcript its turns and what they touched."""

import json
import sqlite3
from collections.abc import Sequence

from instar.adapters.stores.sqlite.snapshot import text_hash
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, DocumentState, SourceKind
from instar.domain.sessions import Resume, Transcript


def document_states(connection: sqlite3.Connection, root_id: int) -> dict[str, DocumentState]:
    """Return what is stored of a root, by path."""
    rows = connection.execute(
        "SELECT path, id, size, mtime_ns, content_hash, reader_version, skipped, source FROM documents"
        " WHERE root_id = ?",
        (root_id,),
    )
    return {
        path: DocumentState(i, size, mtime_ns, digest, version, skipped, SourceKind(source))
        for path, i, size, mtime_ns, digest, version, skipped, source in rows
    }


def resume_of(connection: sqlite3.Connection, document_id: int) -> Resume | None:
    """Return where reading a transcript goes on, None where nothing is stored of it."""
    asked = "SELECT offset, line, state FROM sessions WHERE document_id = ?"
    row = connection.execute(asked, (document_id,)).fetchone()
    return Resume(*row) if row else None


def write_document(connection: sqlite3.Connection, root_id: int, document: Document, now: float) -> None:
    """Add or replace a document with its chunks, and note the change."""
    row = connection.execute(
        "INSERT INTO documents (root_id, path, size, mtime_ns, content_hash, reader_version, source, language,"
        " repository, indexed_at, skipped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (root_id, path) DO UPDATE SET"
        " size = excluded.size, mtime_ns = excluded.mtime_ns, content_hash = excluded.content_hash,"
        " reader_version = excluded.reader_version, source = excluded.source, language = excluded.language,"
        " repository = excluded.repository, indexed_at = excluded.indexed_at, skipped = excluded.skipped"
        " RETURNING id",
        (
            root_id, document.path, document.size, document.mtime_ns, document.content_hash,
            document.reader_version, document.source, document.language, document.repository, now,
            document.skipped,
        ),
    ).fetchone()  # fmt: skip
    changed_from = drop_chunks(connection, row[0], document.kept_lines)
    turns = _write_transcript(connection, row[0], document.transcript) if document.transcript else {}
    connection.executemany(
        "INSERT INTO chunks (document_id, text_id, start_line, end_line, symbol, kind, turn_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (row[0], _text_id(connection, c), c.start_line, c.end_line, c.symbol, c.kind, turns.get(c.turn))
            for c in document.chunks
            if not c.turn or c.turn in turns
        ],
    )
    connection.execute("INSERT INTO changes (document_id, chunk_id) VALUES (?, ?)", (row[0], changed_from))


def _write_transcript(connection: sqlite3.Connection, document_id: int, transcript: Transcript) -> dict[str, int]:
    """Store a session and its turns; returns the ids of those that were not stored before."""
    at = transcript.resume
    connection.execute(
        "INSERT OR REPLACE INTO sessions (document_id, session, agent, folder, offset, line, state, passed_over)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document_id, transcript.session, transcript.agent, transcript.folder, at.offset, at.line, at.state,
            json.dumps(dict(transcript.passed_over)),
        ),
    )  # fmt: skip
    made: dict[str, int] = {}
    for turn in transcript.turns:
        row = connection.execute(
            "INSERT OR IGNORE INTO turns (document_id, turn, role, at, branch, answers, first_line)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (document_id, turn.id, turn.role, turn.at, turn.branch, turn.answers, turn.first_line),
        ).fetchone()
        if row is None:
            continue
        made[turn.id] = row[0]
        connection.executemany(
            "INSERT OR IGNORE INTO touches (turn_id, path, action, at) VALUES (?, ?, ?, ?)",
            [(row[0], touch.path, touch.action, turn.at) for touch in turn.touches],
        )
    return made


def _text_id(connection: sqlite3.Connection, chunk: Chunk) -> int:
    digest = text_hash(chunk.text)
    found = connection.execute("SELECT id FROM texts WHERE hash = ?", (digest,)).fetchone()
    if found:
        return int(found[0])
    cursor = connection.execute("INSERT INTO texts (hash, text) VALUES (?, ?)", (digest, chunk.text))
    return int(cursor.lastrowid or 0)


def drop_chunks(connection: sqlite3.Connection, document_id: int, kept_lines: int = 0) -> int:
    """Delete the chunks and turns of a document, of a session those that begin after the first `kept_lines` lines.

    Returns the id from which on its chunks are other ones: ids are never used again, and ascend with the lines.
    """
    where = "document_id = ?"
    values: tuple[int, ...] = (document_id,)
    if kept_lines:
        where += " AND turn_id IN (SELECT id FROM turns WHERE document_id = ? AND first_line > ?)"
        values = (document_id, document_id, kept_lines)
    connection.execute(f"INSERT OR IGNORE INTO orphans SELECT text_id FROM chunks WHERE {where}", values)
    connection.execute(f"DELETE FROM chunks WHERE {where}", values)
    connection.execute("DELETE FROM turns WHERE document_id = ? AND first_line > ?", (document_id, kept_lines))
    if not kept_lines:
        connection.execute("DELETE FROM sessions WHERE document_id = ?", (document_id,))
        return 0
    last = connection.execute("SELECT coalesce(max(id), 0) FROM chunks WHERE document_id = ?", (document_id,))
    return int(last.fetchone()[0]) + 1


def drop_orphans(connection: sqlite3.Connection, text_ids: Sequence[int]) -> None:
    """Delete those of these texts that no chunk holds, with all there is of them, and take them off the list."""
    for text_id in text_ids:
        if not connection.execute("SELECT 1 FROM chunks WHERE text_id = ?", (text_id,)).fetchone():
            for table in ("vectors", "quarantine", "cut"):
                connection.execute(f"DELETE FROM {table} WHERE text_id = ?", (text_id,))
            connection.execute("DELETE FROM texts WHERE id = ?", (text_id,))
    connection.executemany("DELETE FROM orphans WHERE text_id = ?", [(text_id,) for text_id in text_ids])
