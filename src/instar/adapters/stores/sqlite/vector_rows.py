"""The vectors of a generation: which are missing, what is stored of them, what is read again to be packed."""

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from instar.adapters.stores.sqlite.connection import READ_BATCH
from instar.domain.generations import Generation
from instar.domain.models import ModelSpec, StorageFormat
from instar.domain.stored import StoredVectors
from instar.domain.vectors import encode, row_bytes
from instar.errors import DamagedError


def backlog(db: sqlite3.Connection, generation_id: int, limit: int) -> list[tuple[int, str]]:
    """Return up to `limit` texts without a vector, ascending ids."""
    return db.execute(
        "SELECT id, text FROM texts WHERE id > (SELECT filled_to FROM generations WHERE id = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM vectors WHERE text_id = texts.id AND generation_id = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM quarantine WHERE text_id = texts.id AND generation_id = ?1)"
        " ORDER BY id LIMIT ?2",
        (generation_id, limit),
    ).fetchall()


def backlog_size(db: sqlite3.Connection, generation_id: int) -> int:
    """Count the texts beyond the hint."""
    row = db.execute(
        "SELECT count(*) FROM texts WHERE id > (SELECT filled_to FROM generations WHERE id = ?1)", (generation_id,)
    ).fetchone()
    return int(row[0])


def put(
    db: sqlite3.Connection,
    generation_id: int,
    text_ids: Sequence[int],
    vectors: NDArray[np.float32],
    quarantined: Mapping[int, str],
    cut: Collection[int],
) -> None:
    """Answer a whole backlog within a transaction, so that the hint can move to its end.

    It was read before the transaction: texts that are gone since, or that another process has answered, are left out.
    """
    row = db.execute("SELECT storage FROM generations WHERE id = ?", (generation_id,)).fetchone()
    if row is None:  # deleted meanwhile
        return
    open_ids = _unanswered(db, generation_id, [*text_ids, *quarantined])
    kept = [place for place, text_id in enumerate(text_ids) if text_id in open_ids]
    rows = [row.tobytes() for row in encode(vectors[kept], StorageFormat(row[0]))]
    db.executemany(
        "INSERT INTO vectors (generation_id, text_id, data, checksum) VALUES (?, ?, ?, ?)",
        [(generation_id, text_ids[i], row, zlib.crc32(row)) for i, row in zip(kept, rows, strict=True)],
    )
    db.executemany(
        "INSERT INTO quarantine (generation_id, text_id, reason) VALUES (?, ?, ?)",
        [(generation_id, text_id, reason) for text_id, reason in quarantined.items() if text_id in open_ids],
    )
    db.executemany("INSERT INTO cut VALUES (?, ?)", [(generation_id, i) for i in cut if i in open_ids])
    db.execute(
        "UPDATE generations SET filled_to = max(filled_to, ?) WHERE id = ?",
        (max([0, *text_ids, *quarantined]), generation_id),
    )


def _unanswered(db: sqlite3.Connection, generation_id: int, text_ids: Sequence[int]) -> set[int]:
    rows = db.execute(
        "SELECT id FROM texts WHERE id IN (SELECT value FROM json_each(?2))"
        " AND NOT EXISTS (SELECT 1 FROM vectors WHERE text_id = texts.id AND generation_id = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM quarantine WHERE text_id = texts.id AND generation_id = ?1)",
        (generation_id, json.dumps(list(text_ids))),
    )
    return {row[0] for row in rows}


def drop(db: sqlite3.Connection, text_ids: Sequence[int]) -> None:
    """Delete those of these texts in all generations, within a transaction."""
    db.executemany("DELETE FROM vectors WHERE text_id = ?", [(i,) for i in text_ids])
    db.executemany("DELETE FROM cut WHERE text_id = ?", [(i,) for i in text_ids])
    db.execute("UPDATE generations SET filled_to = 0")


def last_and_count(db: sqlite3.Connection, generation_id: int) -> tuple[int, int]:
    """Return the sequence of the last vector, and the number of all."""
    last, count = db.execute(
        "SELECT coalesce(max(sequence), 0), count(*) FROM vectors WHERE generation_id = ?", (generation_id,)
    ).fetchone()
    return int(last), int(count)


def stored_after(db: sqlite3.Connection, generation_id: int, sequence: int) -> int:
    """Return the number of vectors stored after `sequence`."""
    row = db.execute(
        "SELECT count(*) FROM vectors WHERE generation_id = ? AND sequence > ?", (generation_id, sequence)
    ).fetchone()
    return int(row[0])


def batches(db: sqlite3.Connection, generation: Generation) -> Iterator[StoredVectors]:
    """Yield all vectors, ascending text ids."""
    after = 0
    while rows := db.execute(
        "SELECT text_id, data, sequence, checksum FROM vectors WHERE text_id > ? AND generation_id = ?"
        " ORDER BY text_id LIMIT ?",
        (after, generation.id, READ_BATCH),
    ).fetchall():
        yield stored_vectors(rows, generation.model, generation.storage, 0)
        after = rows[-1][0]


def stored_vectors(
    rows: Sequence[tuple[int, bytes, int, int]], model: ModelSpec, storage: StorageFormat, sequence: int
) -> StoredVectors:
    """Build `StoredVectors` from (text id, data, sequence, checksum); raises `DamagedError` for an unsound row."""
    width = row_bytes(model.stored_dimensions, storage)
    if any(len(row[1]) != width or zlib.crc32(row[1]) != row[3] for row in rows):
        raise DamagedError(
            "a stored vector does not fit its checksum: the database is damaged",
            "`instar verify` has such vectors made again",
        )
    joined = b"".join(row[1] for row in rows)
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    data = np.frombuffer(joined, dtype=np.uint8).reshape(len(rows), width)
    return StoredVectors(ids, data, storage, max((row[2] for row in rows), default=sequence))
