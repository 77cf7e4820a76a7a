"""The full check of the database."""

import sqlite3
import zlib

from instar.adapters.stores.sqlite.snapshot import bytes_hash
from instar.domain.stored import DatabaseCheck

_MOST_REPORTED = 20

_LOOSE_ENDS = (
    (
        "chunks of no document",
        "SELECT count(*) FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)",
    ),
    ("chunks of no text", "SELECT count(*) FROM chunks WHERE text_id NOT IN (SELECT id FROM texts)"),
    (
        "chunks of no turn",
        "SELECT count(*) FROM chunks WHERE turn_id IS NOT NULL AND turn_id NOT IN (SELECT id FROM turns)",
    ),
    ("turns of no session", "SELECT count(*) FROM turns WHERE document_id NOT IN (SELECT document_id FROM sessions)"),
    ("sessions of no document", "SELECT count(*) FROM sessions WHERE document_id NOT IN (SELECT id FROM documents)"),
    ("touches of no turn", "SELECT count(*) FROM touches WHERE turn_id NOT IN (SELECT id FROM turns)"),
    ("documents of no root", "SELECT count(*) FROM documents WHERE root_id NOT IN (SELECT id FROM roots)"),
    (
        "texts of no chunk",
        "SELECT count(*) FROM texts WHERE id NOT IN (SELECT text_id FROM chunks UNION SELECT text_id FROM orphans)",
    ),
    ("cut texts that are gone", "SELECT count(*) FROM cut WHERE text_id NOT IN (SELECT id FROM texts)"),
    ("vectors of no text", "SELECT count(*) FROM vectors WHERE text_id NOT IN (SELECT id FROM texts)"),
)


def check_database(connection: sqlite3.Connection) -> DatabaseCheck:
    """Check the pages, every text against its hash, every vector and canary against its checksum, and references."""
    rows = connection.execute(f"PRAGMA integrity_check({_MOST_REPORTED})").fetchall()
    problems = [str(row[0]) for row in rows if row[0] != "ok"]
    if problems:
        return DatabaseCheck(tuple(problems), ())
    # As bytes, because a damaged text need not be UTF-8 any more.
    texts = connection.execute("SELECT id, hash, CAST(text AS BLOB) FROM texts")
    damaged = [i for i, digest, encoded in texts if bytes_hash(encoded) != digest]
    if damaged:
        problems.append(f"{len(damaged)} texts do not fit their hashes (first: {damaged[0]})")
    for name, query in _LOOSE_ENDS:
        count = connection.execute(query).fetchone()[0]
        if count:
            problems.append(f"{count} {name}")
    vectors = connection.execute("SELECT text_id, data, checksum FROM vectors")
    bad = tuple(i for i, data, checksum in vectors if zlib.crc32(data) != checksum)
    canaries = connection.execute("SELECT generation_id, data, checksum FROM canaries")
    ill = tuple(sorted({i for i, data, checksum in canaries if zlib.crc32(data) != checksum}))
    return DatabaseCheck(tuple(problems), bad, ill)
