"""What the lexical index reads: the log of changes, and chunks as it holds them."""

import json
import sqlite3
from collections.abc import Iterator, Mapping

from instar.adapters.stores.sqlite.connection import READ_BATCH
from instar.domain.corpus import LexicalRow, SourceKind


def log_start(db: sqlite3.Connection) -> int:
    """Return the sequence up to which changes are forgotten."""
    return int(db.execute("SELECT value FROM meta WHERE key = 'log_start'").fetchone()[0])


def changed_documents(db: sqlite3.Connection, after: int) -> dict[int, int]:
    """Return the documents changed after a sequence, each with the first chunk that is another (0: all of them)."""
    return dict(
        db.execute(
            "SELECT document_id, min(chunk_id) FROM changes WHERE sequence > ? GROUP BY document_id", (after,)
        ).fetchall()
    )


def prune(db: sqlite3.Connection, before: int) -> None:
    """Forget the changes up to and including the sequence `before`, within a transaction."""
    db.execute("DELETE FROM changes WHERE sequence <= ?", (before,))
    db.execute("UPDATE meta SET value = ? WHERE key = 'log_start'", (str(before),))


def lexical_rows(db: sqlite3.Connection, documents: Mapping[int, int] | None) -> Iterator[LexicalRow]:
    """Yield the chunks of these documents (None for all) from the given ones on, by document.

    The place of a transcript says nothing of what was talked about: it is left out.
    """
    columns = (
        "SELECT c.id, c.text_id, d.id, d.root_id, d.source, coalesce(d.language, ''), d.repository,"
        f" iif(d.source = '{SourceKind.SESSIONS}', '', d.path), c.symbol, t.text, coalesce(u.role, ''),"
        " coalesce(u.branch, ''), u.at"
    )
    joins = (
        " CROSS JOIN chunks c ON c.document_id = d.id CROSS JOIN texts t ON t.id = c.text_id"
        " LEFT JOIN turns u ON u.id = c.turn_id"
    )
    if documents is None:
        cursor = db.execute(f"{columns} FROM documents d{joins} ORDER BY d.id")
    else:
        cursor = db.execute(
            f"{columns} FROM json_each(?) j CROSS JOIN documents d ON d.id = CAST(j.key AS INTEGER){joins}"
            " WHERE c.id >= j.value",
            (json.dumps(dict(documents)),),
        )
    while rows := cursor.fetchmany(READ_BATCH):
        yield from (LexicalRow(*row) for row in rows)
