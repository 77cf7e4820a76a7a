"""Vectors of texts in one SQLite file of the user's cache folder, bounded in bytes.

Nothing is lost with the file, so it is not synced, and thrown away where it cannot be read. Several processes may use
it: whoever finds it locked goes on without.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import numpy as np

from instar.ports import KeptVector

T = TypeVar("T")

FILE_NAME = "vectors-1.db"
"""The number is that of the layout: another one is another file."""
LOCKED_SECONDS = 0.2
"""How long another process is waited for: less than embedding a few texts takes."""
USED_SECONDS = 3_600
"""Uses are told apart by the hour, so that a hit hardly ever has to write."""
EVICTED_AT_ONCE = 256
ASKED_AT_ONCE = 500
"""Hashes in one statement: each SQLite takes 999 parameters."""

_PRAGMAS = (
    "PRAGMA page_size = 8192",  # a fifth less room than with the usual 4096, for rows are of one to ten kilobytes
    "PRAGMA auto_vacuum = FULL",  # like the size, it has an effect on an empty file only
    "PRAGMA synchronous = OFF",
)
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS vectors (
        id INTEGER PRIMARY KEY,
        model TEXT NOT NULL,     -- the document side of its spec
        text BLOB NOT NULL,      -- SHA-256 of the text
        used INTEGER NOT NULL,   -- hours since 1970
        cut INTEGER NOT NULL,    -- whether the model took only its beginning
        vector BLOB NOT NULL,    -- float32, little endian
        checksum INTEGER NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS vectors_by_text ON vectors (model, text)",
    "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)",
)
_INSERT = "INSERT OR REPLACE INTO vectors (model, text, used, cut, vector, checksum) VALUES (?, ?, ?, ?, ?, ?)"
_EVICT = "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY used, id LIMIT ?)"

_Row = tuple[int, bytes, int, int, bytes, int]


class SqliteVectorCache:
    """See `instar.ports.VectorCache`. `largest` is the most bytes the file may have."""

    def __init__(self, folder: Path, largest: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._largest = largest
        self._clock = clock

    def find(self, model: str, texts: Sequence[bytes]) -> dict[bytes, KeptVector]:
        """Return what is kept of these hashes for a model; nothing where the file cannot be read."""
        rows = self._within(lambda connection: _rows(connection, model, texts)) or []
        self._note_use([row[0] for row in rows if row[2] != self._hour()])
        return {
            text: KeptVector(np.frombuffer(vector, "<f4"), bool(cut))
            for _, text, _, cut, vector, checksum in rows
            if _is_whole(model, text, cut, vector, checksum)
        }

    def keep(self, model: str, vectors: Mapping[bytes, KeptVector]) -> None:
        """Keep vectors by the hash of their text; where the file cannot be written, they are not kept."""
        rows = [self._row(model, text, kept) for text, kept in vectors.items()]
        with suppress(OSError):  # the cache folder may be anything, and so may what it lies in
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._within(lambda connection: self._write(connection, rows))

    def forget(self, model: str, texts: Sequence[bytes] | None = None) -> None:
        """Drop the vectors of a model, of these hashes or of all."""
        statement = "DELETE FROM vectors WHERE model = ?" + ("" if texts is None else " AND text = ?")
        rows = [(model,)] if texts is None else [(model, text) for text in texts]
        self._within(lambda connection: connection.executemany(statement, rows))

    def clear(self) -> None:
        """Drop everything, the file as well."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.with_name(f"{FILE_NAME}-journal").unlink(missing_ok=True)

    def _write(self, connection: sqlite3.Connection, rows: Sequence[tuple[str, bytes, int, int, bytes, int]]) -> None:
        for statement in _TABLES:
            connection.execute(statement)
        connection.executemany(_INSERT, rows)
        while _bytes_used(connection) > self._largest:
            if not connection.execute(_EVICT, (EVICTED_AT_ONCE,)).rowcount:
                break

    def _row(self, model: str, text: bytes, kept: KeptVector) -> tuple[str, bytes, int, int, bytes, int]:
        cut, data = int(kept.cut), np.ascontiguousarray(kept.vector, "<f4").tobytes()
        return model, text, self._hour(), cut, data, _checksum(model, text, cut, data)

    def _note_use(self, ids: Sequence[int]) -> None:
        if ids:
            uses = [(self._hour(), number) for number in ids]
            self._within(lambda connection: connection.executemany("UPDATE vectors SET used = ? WHERE id = ?", uses))

    def _hour(self) -> int:
        return int(self._clock() // USED_SECONDS)

    def _within(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do something in one transaction, or return None: what goes wrong costs what would have been found."""
        uri = f"file:{quote(str(self._path))}?mode=rw"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=LOCKED_SECONDS, isolation_level=None)) as connection:
                for pragma in _PRAGMAS:
                    connection.execute(pragma)
                connection.execute("BEGIN")
                done = work(connection)
                connection.execute("COMMIT")
                return done
        except sqlite3.OperationalError:
            return None  # locked, full, read-only, or not there yet
        except (sqlite3.DatabaseError, UnicodeDecodeError):  # what cannot be read now never will be
            self.clear()
            return None


def _rows(connection: sqlite3.Connection, model: str, texts: Sequence[bytes]) -> list[_Row]:
    found: list[_Row] = []
    for start in range(0, len(texts), ASKED_AT_ONCE):
        asked = texts[start : start + ASKED_AT_ONCE]
        marks = ",".join("?" * len(asked))
        statement = f"SELECT id, text, used, cut, vector, checksum FROM vectors WHERE model = ? AND text IN ({marks})"
        found += connection.execute(statement, (model, *asked)).fetchall()
    return found


def _bytes_used(connection: sqlite3.Connection) -> int:
    """Return what the file will have after the transaction, for pages that are free then are given back."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _is_whole(model: str, text: object, cut: object, vector: object, checksum: object) -> bool:
    """Whether a row is what was written; in a damaged file a column may be of any type."""
    if not (isinstance(text, bytes) and isinstance(cut, int) and isinstance(vector, bytes)):
        return False
    return checksum == _checksum(model, text, cut, vector)


def _checksum(model: str, text: bytes, cut: int, vector: bytes) -> int:
    return zlib.crc32(vector, zlib.crc32(b"%s %s %d" % (model.encode(), text, cut)))
