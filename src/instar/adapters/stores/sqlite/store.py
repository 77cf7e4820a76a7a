"""The corpus in one SQLite file: who may write, who reads."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instar.adapters.stores.sqlite import backup
from instar.adapters.stores.sqlite.connection import FILE_NAME, denied, open_reader, open_writer, translated
from instar.adapters.stores.sqlite.files import DRAFT_NAME, begin_draft, move, remove
from instar.adapters.stores.sqlite.schema import SCHEMA_VERSION, bring_up_to_date, version_of
from instar.adapters.stores.sqlite.snapshot import SqliteSnapshot
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.errors import BusyError, DamagedError, SchemaError
from instar.ports import Progress

LOCK_NAME = "writer.lock"
POLL_SECONDS = 0.02
"""How often one that waits for the lock looks: whoever embeds holds it for some milliseconds a batch."""
UPGRADE_SECONDS = 10.0
"""How long a reader of an older folder waits for the writer's lock, to upgrade it."""


class SqliteStore:
    """One data folder. Many processes may read while one writes.

    SQLite before 3.51.3 can lose a write when a checkpoint and the reset of its log meet, so every write and every
    checkpoint happens under one lock of ours, and nothing checkpoints by itself.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._idle: list[sqlite3.Connection] = []

    def exists(self) -> bool:
        """Whether the folder holds a database; one that is empty counts as none."""
        return bool(self._idle) or self._version() > 0

    def _version(self) -> int:
        try:
            if not (self._folder / FILE_NAME).exists():
                return 0
        except OSError as error:
            raise denied(error, self._folder) from error
        with translated(self._folder), closing(open_reader(self._folder)) as connection:
            return version_of(connection)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Open one unchanging view; connections are kept for the next."""
        with translated(self._folder):
            connection = self._idle.pop() if self._idle else self._reader()
            try:
                connection.execute("BEGIN")
                yield SqliteSnapshot(connection)
                connection.rollback()
            except BaseException:
                connection.close()  # whatever went wrong, the next view starts with a sound connection
                raise
            self._idle.append(connection)

    def _reader(self) -> sqlite3.Connection:
        version = self._version()
        if version == 0:
            raise SchemaError("the data folder holds no index yet", "run `instar index PATH` first")
        if version < SCHEMA_VERSION:
            with self.writing(UPGRADE_SECONDS):
                pass  # whoever writes first brings the tables up to date
        return open_reader(self._folder)

    @contextmanager
    def writing(self, wait_seconds: float = 0.0) -> Iterator[SqliteWriter]:
        """Take the writer's lock, creating or upgrading the database where needed.

        Raises `BusyError` where another process keeps the lock, `StorageError` where the folder cannot be written.
        """
        self._prepare()
        with self._lock(wait_seconds), translated(self._folder):
            if self._version() == 0:
                self._create()
            connection = open_writer(self._folder)
            try:
                bring_up_to_date(connection)
                yield SqliteWriter(connection, self._clock)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    @contextmanager
    def _lock(self, wait_seconds: float) -> Iterator[None]:
        lock = FileLock(self._folder / LOCK_NAME, mode=0o600)
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=POLL_SECONDS)
        except Timeout:
            raise BusyError(
                "another instar process is writing to this data folder", "try again when it has finished"
            ) from None
        except OSError as error:
            raise denied(error, self._folder) from error
        try:
            yield
        finally:
            lock.release()

    def _create(self) -> None:
        """Make the database beside its place and move it there, so that a kill leaves either none or a whole one."""
        try:
            remove(self._folder / FILE_NAME)
            begin_draft(self._folder)
            with closing(open_writer(self._folder, DRAFT_NAME)) as connection:
                bring_up_to_date(connection)
                # Its log does not come along; closing empties it too, but says nothing where the disk is full.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            move(self._folder / DRAFT_NAME, self._folder / FILE_NAME)
        except OSError as error:
            raise denied(error, self._folder) from error

    def _prepare(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise denied(error, self._folder) from error
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise denied(PermissionError(errno.EACCES, "it cannot be written"), self._folder)

    def backup(self, file: Path, progress: Progress) -> None:
        """Copy the corpus as it is now to a new file; see `backup.back_up`."""
        with translated(self._folder), closing(self._reader()) as source:
            backup.back_up(source, file, progress)

    def restore(self, file: Path, progress: Progress, wait_seconds: float = 0.0) -> None:
        """Put a backup in place of the corpus; see `backup.draft_from`.

        A kill leaves the former corpus or the restored one. Raises `BusyError` where another process keeps the lock.
        """
        self._prepare()
        with self._lock(wait_seconds), translated(self._folder):
            try:
                there = self._can_be_opened()
                backup.draft_from(file, self._folder, self._clock, progress)
                if there:
                    with closing(open_writer(self._folder)) as connection:
                        backup.put_over(connection, self._folder, progress)
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                else:
                    self.close()
                    backup.put_instead(self._folder / FILE_NAME)
            except OSError as error:
                raise denied(error, self._folder) from error
            finally:
                remove(self._folder / DRAFT_NAME)

    def _can_be_opened(self) -> bool:
        """Whether there is a database to be written over. Raises `SchemaError` where it is not ours, or newer."""
        try:
            return self._version() > 0
        except DamagedError:
            return False

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()
