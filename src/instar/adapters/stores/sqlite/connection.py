"""How the database is opened, and how SQLite's errors become ours."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from instar.errors import BusyError, DamagedError, DiskFullError, StorageError

READ_BATCH = 8_192
"""Rows read at a time when all are read: about 10 MB of texts, or of vectors."""
FILE_NAME = "instar.db"
_BUSY_MILLISECONDS = 5_000  # readers meet a lock only while another process recovers the log after a kill
_LOG_PAGES = 8_192  # of 4 KiB: the log stays near 32 MB
_WRITER_CACHE_KIB = 65_536  # holds the inner pages of the indexes of about a million chunks
_READER_CACHE_KIB = 16_384  # holds the inner pages, and the rows that questions come upon again
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR_SHORT_READ}
_DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_NOT_TEXT = "Could not decode to UTF-8"  # how sqlite3 begins its message; it has no code of its own
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def open_reader(folder: Path, name: str = FILE_NAME) -> sqlite3.Connection:
    """Open read-only, so that closing the last connection never checkpoints outside the writer's lock."""
    connection = _open(folder, "ro", name)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    return connection


def open_writer(folder: Path, name: str = FILE_NAME) -> sqlite3.Connection:
    """Open for writing; only under the writer's lock."""
    connection = _open(folder, "rw", name)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # has an effect on an empty file only
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    return connection


def _open(folder: Path, mode: str, name: str = FILE_NAME) -> sqlite3.Connection:
    uri = f"file:{quote(str(folder / name))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    return connection


def denied(error: OSError, folder: Path) -> StorageError:
    """Return our error for a data folder that the system refuses."""
    if error.errno == errno.ENOSPC:
        return _full(folder)
    return StorageError(
        f"the data folder {folder} cannot be used ({error.strerror})",
        "make it readable and writable for you, or name another with --data",
    )


def _full(folder: Path) -> DiskFullError:
    return DiskFullError(
        f"the disk of {folder} is full", "free some room and run the command again; what was stored is safe"
    )


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, each with what to do next."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, folder) from error
    except UnicodeDecodeError as error:  # SQLite's message quotes the damaged name of a table
        raise DamagedError(
            f"the tables of the database in {folder} are damaged",
            "restore a backup, or move the folder away and index again",
        ) from error


def _translate(error: sqlite3.Error, folder: Path) -> StorageError | BusyError:
    code = getattr(error, "sqlite_errorcode", 0)
    kinds = {code, code & 0xFF}
    if kinds & _FULL:
        return _full(folder)
    if kinds & _DAMAGED:
        return DamagedError(
            f"the database in {folder} is damaged ({error})",
            "restore a backup, or move the folder away and index again",
        )
    if kinds & _DENIED:
        return StorageError(
            f"the data folder {folder} cannot be used ({error})",
            "make it readable and writable for you, or name another with --data",
        )
    if kinds & _BUSY:
        return BusyError(f"the database in {folder} is in use ({error})", "try again in a moment")
    if str(error).startswith(_NOT_TEXT):  # followed by the whole text, which is not ours to print
        return DamagedError(f"a text in the database in {folder} is not UTF-8: it is damaged", "run `instar verify`")
    return StorageError(f"the database in {folder} failed ({error})", "run `instar verify`")
