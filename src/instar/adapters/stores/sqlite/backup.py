"""Copies of the database: to a file while others read and write, and from there back into its place."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from instar.adapters.stores.sqlite import migrations
from instar.adapters.stores.sqlite.connection import denied, open_reader, open_writer, translated
from instar.adapters.stores.sqlite.files import DRAFT_NAME, begin_draft, move, remove, remove_companions, sync
from instar.adapters.stores.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, bring_up_to_date
from instar.adapters.stores.sqlite.verify import check_database
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.errors import DamagedError, DiskFullError, SchemaError, UsageError
from instar.ports import Progress

PAGES_A_STEP = 2_560
"""Of 4 KiB: 10 MB, so that the bar moves many times a second."""


def back_up(source: sqlite3.Connection, file: Path, progress: Progress) -> None:
    """Write what `source` sees now to a new file, private to its owner; others may write meanwhile.

    Raises `UsageError` where the file is there already or cannot be made, `DiskFullError` where there is no room,
    `DamagedError` where the pages of the copy are not sound. Then no file is left.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", "name a file that is not there yet")
    with _draft_beside(file) as draft:
        with translated(file.parent), closing(sqlite3.connect(draft, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")  # until the end nothing of it is worth keeping
            # One view for all steps: without it SQLite begins anew whenever another process has written.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            copy(source, target, progress, "backup")
            # One file, without a log beside it, that can be read where nothing can be written.
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
            _check_pages(target)
        sync(draft)
        move(draft, file)


def copy(source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress, phase: str) -> None:
    """Write all pages over those of `target`, in one transaction: whoever reads it sees the former or the new ones."""

    def step(_: int, remaining: int, total: int) -> None:
        progress.step(phase, total - remaining, total)

    source.backup(target, pages=PAGES_A_STEP, progress=step)


@contextmanager
def _draft_beside(file: Path) -> Iterator[Path]:
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # private to its owner
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
        finally:
            remove(draft)
    except OSError as error:
        failure = denied(error, file.parent)
        if isinstance(failure, DiskFullError):
            raise failure from error
        raise UsageError(f"{file} cannot be written ({error.strerror})", "name a file where you may write") from error


def _check_pages(copied: sqlite3.Connection) -> None:
    found = copied.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedError(
            f"the database is damaged, so no backup was made ({found})",
            "restore a former backup, or move the data folder away and index again",
        )


def draft_from(file: Path, folder: Path, clock: Callable[[], float], progress: Progress) -> None:
    """Make of a backup a whole corpus, checked and under a new identity, beside the database of `folder`.

    Raises `UsageError` where the file cannot be read, `SchemaError` where it is no database of Instar or that of a
    newer one, `DamagedError` where anything in it is not sound but vectors, which can be made anew.
    """
    _check_readable(file)
    begin_draft(folder)
    try:
        with translated(folder):
            _copy_to_draft(file, folder, progress)
            with closing(open_writer(folder, DRAFT_NAME)) as draft:
                bring_up_to_date(draft)
                _check_all(draft)
                SqliteWriter(draft, clock).renew_identity()
                migrations.end_lease(draft, clock())
                draft.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log does not come along
    except DamagedError as error:
        raise DamagedError(
            f"{file} cannot be restored: {error.__cause__ or error.message}", "name another one"
        ) from error


def _check_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror})", "name a file made by `instar backup`") from error


def _copy_to_draft(file: Path, folder: Path, progress: Progress) -> None:
    path = file.absolute()
    with closing(open_reader(path.parent, path.name)) as source:
        _check_owner(source, file)
        with closing(sqlite3.connect(folder / DRAFT_NAME, isolation_level=None)) as draft:
            copy(source, draft, progress, "reading")


def _check_owner(source: sqlite3.Connection, file: Path) -> None:
    owner, version = (source.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if owner != APPLICATION_ID or version < 1:
        raise SchemaError(f"{file} is no database of Instar", "name a file made by `instar backup`")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"{file} has schema version {version}, this program knows up to {SCHEMA_VERSION}", "upgrade Instar"
        )


def _check_all(draft: sqlite3.Connection) -> None:
    problems = check_database(draft).problems
    if problems:
        raise DamagedError(f"it is damaged ({problems[0]})")


def put_over(database: sqlite3.Connection, folder: Path, progress: Progress) -> None:
    """Write the draft over a database that can be opened, in one transaction: others go on reading meanwhile.

    Its file stays the same one, so that whoever has it open, with its log, goes on with what was restored.
    """
    with closing(open_writer(folder, DRAFT_NAME)) as draft:
        copy(draft, database, progress, "restoring")
    remove(folder / DRAFT_NAME)


def put_instead(database: Path) -> None:
    """Give the draft the name of a database that is not there, or that cannot be opened any more."""
    draft = database.with_name(DRAFT_NAME)
    sync(draft)
    remove_companions(database)
    move(draft, database)
