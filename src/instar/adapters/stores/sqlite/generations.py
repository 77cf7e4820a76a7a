"""What is known of a generation beside its vectors: canaries, unsound and cut texts. Each within a transaction."""

import sqlite3
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from instar.domain.stored import MarkedChunk
from instar.errors import DamagedError

_UNPROVED = "generation_id = ?1 AND sequence > (SELECT proved_to FROM generations WHERE id = ?1)"


def canaries(db: sqlite3.Connection, generation_id: int) -> dict[str, NDArray[np.float32]]:
    """Return the canaries' vectors by text; raises `DamagedError` for one that does not fit its checksum."""
    rows = db.execute("SELECT text, data, checksum FROM canaries WHERE generation_id = ?", (generation_id,)).fetchall()
    if any(zlib.crc32(data) != checksum for _, data, checksum in rows):
        raise DamagedError(
            "a canary does not fit its checksum: the database is damaged",
            "`instar verify` drops it, or `instar index --rebuild` makes all vectors of its model anew",
        )
    return {text: np.frombuffer(data, "<f4").astype(np.float32) for text, data, _ in rows}


def drop_bad_canaries(db: sqlite3.Connection, generation_id: int) -> None:
    """Delete the canaries that do not fit their checksums; by those that are left the model is known as well."""
    rows = db.execute("SELECT text, data, checksum FROM canaries WHERE generation_id = ?", (generation_id,)).fetchall()
    bad = [(generation_id, text) for text, data, checksum in rows if zlib.crc32(data) != checksum]
    db.executemany("DELETE FROM canaries WHERE generation_id = ? AND text = ?", bad)


def put_canaries(db: sqlite3.Connection, generation_id: int, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Store canaries as float32, whatever the format of the generation: they are few, and compared closely."""
    rows = [(text, np.ascontiguousarray(vector, "<f4").tobytes()) for text, vector in vectors.items()]
    db.executemany(
        "INSERT INTO canaries (generation_id, text, data, checksum) VALUES (?, ?, ?, ?)",
        [(generation_id, text, data, zlib.crc32(data)) for text, data in rows],
    )


def unproved(db: sqlite3.Connection, generation_id: int) -> bool:
    """Whether vectors were stored since the model was last known again, or it was found to be another one."""
    asked = f"SELECT EXISTS (SELECT 1 FROM vectors WHERE {_UNPROVED}) OR changed <> '' FROM generations WHERE id = ?1"
    return bool(db.execute(asked, (generation_id,)).fetchone()[0])


def note_proved(db: sqlite3.Connection, generation_id: int) -> None:
    """Take all vectors there are for those of the model."""
    db.execute(
        "UPDATE generations SET changed = '', proved_to ="
        " (SELECT coalesce(max(sequence), 0) FROM vectors WHERE generation_id = ?1) WHERE id = ?1",
        (generation_id,),
    )


def note_changed(db: sqlite3.Connection, generation_id: int, found: str) -> None:
    """Write down how the model was found to be another one."""
    db.execute("UPDATE generations SET changed = ? WHERE id = ?", (found, generation_id))


def drop_unproved(db: sqlite3.Connection, generation_id: int) -> None:
    """Delete vectors that may be another model's, and with them what such a model made to be given up."""
    rows = db.execute(f"SELECT text_id FROM vectors WHERE {_UNPROVED} ORDER BY text_id", (generation_id,)).fetchall()
    db.executemany(
        "DELETE FROM cut WHERE generation_id = ? AND text_id = ?", [(generation_id, text_id) for (text_id,) in rows]
    )
    db.execute(f"DELETE FROM vectors WHERE {_UNPROVED}", (generation_id,))
    if rows:
        _go_back(db, generation_id, rows[0][0])
        _tell_readers(db)
    release_quarantined(db, generation_id)


def release_quarantined(db: sqlite3.Connection, generation_id: int) -> None:
    """Forget which texts were given up."""
    first = db.execute("SELECT min(text_id) FROM quarantine WHERE generation_id = ?", (generation_id,)).fetchone()[0]
    if first is not None:
        db.execute("DELETE FROM quarantine WHERE generation_id = ?", (generation_id,))
        _go_back(db, generation_id, first)


def empty(db: sqlite3.Connection, generation_id: int) -> None:
    """Delete all that a model gave."""
    for table in ("vectors", "quarantine", "cut", "canaries"):
        db.execute(f"DELETE FROM {table} WHERE generation_id = ?", (generation_id,))
    db.execute("UPDATE generations SET filled_to = 0, proved_to = 0, changed = '' WHERE id = ?", (generation_id,))
    _tell_readers(db)


def _tell_readers(db: sqlite3.Connection) -> None:
    """Move the end of the vectors, by which a reader sees that those it holds in memory are not all of them."""
    db.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'vectors'")


def _go_back(db: sqlite3.Connection, generation_id: int, text_id: int) -> None:
    """Let the backlog begin with this text, or before."""
    db.execute("UPDATE generations SET filled_to = min(filled_to, ?) WHERE id = ?", (text_id - 1, generation_id))


def unsound_chunks(db: sqlite3.Connection, generation_id: int) -> list[MarkedChunk]:
    """Return the chunks whose vectors were unsound, with the reason, in order of path."""
    return _marked(db, "reason", "quarantine", generation_id)


def cut_chunks(db: sqlite3.Connection, generation_id: int) -> list[MarkedChunk]:
    """Return the chunks of which the model took only the beginning, in order of path."""
    return _marked(db, "''", "cut", generation_id)


def _marked(db: sqlite3.Connection, reason: str, table: str, generation_id: int) -> list[MarkedChunk]:
    rows = db.execute(
        f"SELECT iif(s.document_id IS NULL, r.path || '/' || d.path, d.path) AS place, c.start_line, c.end_line,"
        f" m.text_id, {reason} FROM {table} m JOIN chunks c ON c.text_id = m.text_id"
        " JOIN documents d ON d.id = c.document_id JOIN roots r ON r.id = d.root_id"
        " LEFT JOIN sessions s ON s.document_id = d.id WHERE m.generation_id = ? ORDER BY place, c.start_line",
        (generation_id,),
    )
    return [MarkedChunk(*row) for row in rows]
