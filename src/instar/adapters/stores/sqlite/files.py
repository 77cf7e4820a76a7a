"""The files of a database: its own, those SQLite keeps beside it, and the draft of one that is to take its place."""

import os
from pathlib import Path

from instar.adapters.stores.sqlite.connection import FILE_NAME

DRAFT_NAME = f"{FILE_NAME}.new"
COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a database; it would take the log of a lost one for that of a new one."""


def remove_companions(database: Path) -> None:
    """Remove what SQLite keeps beside a database that is gone, or is about to be."""
    for suffix in COMPANIONS:
        database.with_name(f"{database.name}{suffix}").unlink(missing_ok=True)


def remove(database: Path) -> None:
    """Remove a database, if it is there, with what SQLite keeps beside it."""
    database.unlink(missing_ok=True)
    remove_companions(database)


def begin_draft(folder: Path) -> None:
    """Make an empty draft, in place of one that a kill left behind."""
    remove(folder / DRAFT_NAME)
    os.close(os.open(folder / DRAFT_NAME, os.O_CREAT | os.O_WRONLY, 0o600))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def move(draft: Path, place: Path) -> None:
    """Give a draft that is on the disk its name: a power cut leaves the former file or the new one."""
    draft.replace(place)
    sync(place.parent)
