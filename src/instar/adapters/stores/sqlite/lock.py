"""Who may write: one process at a time, in turn."""

import time
from pathlib import Path

from filelock import FileLock, Timeout

from instar.adapters.stores.sqlite.connection import denied
from instar.errors import BusyError

LOCK_NAME = "writer.lock"
TURN_NAME = "writer.turn"
POLL_SECONDS = 0.05
FOR_EVER = -1.0
"""As `filelock` says it."""


class WriterLock:
    """The writer's lock of a folder, freed when its holder is killed.

    Whoever waits for it holds the turn. So a holder knows that somebody waits, and one that gives way cannot be faster
    than the one it gives way to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK_NAME, mode=0o600)
        self._turn = FileLock(folder / TURN_NAME, mode=0o600)

    def take(self, wait_seconds: float = FOR_EVER) -> None:
        """Take it. Raises `BusyError` where others keep it for longer, `StorageError` where the folder is no use."""
        began = time.monotonic()
        try:
            with self._turn.acquire(timeout=wait_seconds, poll_interval=POLL_SECONDS):
                left = wait_seconds if wait_seconds < 0 else max(0.0, wait_seconds - (time.monotonic() - began))
                self._lock.acquire(timeout=left, poll_interval=POLL_SECONDS)
        except Timeout:
            raise BusyError(
                "another instar process is writing to this data folder", "try again when it has finished"
            ) from None
        except OSError as error:
            raise denied(error, self._folder) from error

    def awaited(self) -> bool:
        """Whether another one waits for it."""
        try:
            with self._turn.acquire(timeout=0):
                return False
        except Timeout:
            return True

    def release(self) -> None:
        """Let go of it, where it is held."""
        self._lock.release()
