"""Who may write: one process at a time, in turn."""

import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from instar.adapters.stores.sqlite.connection import denied
from instar.errors import BusyError

LOCK_NAME = "writer.lock"
TURN_NAME = "writer.turn"
POLL_SECONDS = 0.05
FOR_EVER = -1.0
"""As `filelock` says it."""
TURN_SECONDS = 1.0
"""How long whoever gave way waits for its turn: one that waited may have been stopped and keep the turn."""


class WriterLock:
    """The writer's lock of a folder, freed when its holder is killed.

    Whoever waits for it holds the turn. So a holder knows that somebody waits, and one that gives way cannot be faster
    than the one it gives way to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK_NAME, mode=0o600)
        self._turn = FileLock(folder / TURN_NAME, mode=0o600)

    def take(self, wait_seconds: float) -> None:
        """Take it. Raises `BusyError` where others keep it for longer, `StorageError` where the folder is no use."""
        began = time.monotonic()
        try:
            with self._turn.acquire(timeout=wait_seconds, poll_interval=POLL_SECONDS):
                left = max(0.0, wait_seconds - (time.monotonic() - began))
                self._lock.acquire(timeout=left, poll_interval=POLL_SECONDS)
        except Timeout:
            raise BusyError(
                "another instar process is writing to this data folder", "try again when it has finished"
            ) from None
        except OSError as error:
            raise denied(error, self._folder) from error

    def give_way(self) -> None:
        """Let go of it and take it again, behind whoever waits."""
        self._lock.release()
        with suppress(Timeout), self._turn.acquire(timeout=TURN_SECONDS, poll_interval=POLL_SECONDS):
            pass
        self._lock.acquire(timeout=FOR_EVER, poll_interval=POLL_SECONDS)

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
