"""The corpus in one SQLite file: who may write, who reads."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instar.adapters.stores.sqlite.connection import FILE_NAME, open_reader, open_writer, translated
from instar.adapters.stores.sqlite.schema import bring_up_to_date, version_of
from instar.adapters.stores.sqlite.snapshot import SqliteSnapshot
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.errors import BusyError, SchemaError, StorageError

LOCK_NAME = "writer.lock"


class SqliteStore:
    """One data folder. Many processes may read while one writes.

    SQLite before 3.51.3 can lose a write when a checkpoint and the reset of its log meet, so every write and every
    checkpoint happens under one lock of ours, and nothing checkpoints by itself.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._idle: list[sqlite3.Connection] = []

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self._folder

    def exists(self) -> bool:
        """Whether the folder holds a database."""
        return (self._folder / FILE_NAME).exists()

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Open one unchanging view; connections are kept for the next."""
        with translated(self._folder):
            connection = self._idle.pop() if self._idle else self._reader()
            connection.execute("BEGIN")
        try:
            with translated(self._folder):
                yield SqliteSnapshot(connection)
        finally:
            connection.rollback()
            self._idle.append(connection)

    def _reader(self) -> sqlite3.Connection:
        connection = open_reader(self._folder)
        if version_of(connection) == 0:
            connection.close()
            raise SchemaError("the data folder holds no index yet", "run `instar index PATH` first")
        return connection

    @contextmanager
    def writing(self, wait_seconds: float = 0.0) -> Iterator[SqliteWriter]:
        """Take the writer's lock, creating or upgrading the database where needed.

        Raises `BusyError` where another process keeps the lock, `StorageError` where the folder cannot be written.
        """
        self._prepare()
        lock = FileLock(self._folder / LOCK_NAME, mode=0o600)
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=0.05)
        except Timeout:
            raise BusyError(
                "another instar process is writing to this data folder", "try again when it has finished"
            ) from None
        except OSError as error:
            raise self._denied(error) from error
        try:
            with self._writer() as writer:
                yield writer
        finally:
            lock.release()

    @contextmanager
    def _writer(self) -> Iterator[SqliteWriter]:
        with translated(self._folder):
            connection = open_writer(self._folder)
            try:
                bring_up_to_date(connection)
                yield SqliteWriter(connection, self._clock)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def _prepare(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._denied(error) from error
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise self._denied(PermissionError(13, "Permission denied"))

    def _denied(self, error: OSError) -> StorageError:
        return StorageError(
            f"the data folder {self._folder} cannot be written ({error.strerror})",
            "make it writable for you, or name another with --data",
        )

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()
