"""Time budgets."""

import math
import time


class Deadline:
    """A point in time after which work stops at the next safe place; without `seconds` it never comes."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def limited(self) -> bool:
        """Whether it comes at all."""
        return self._end is not None

    def left(self) -> float:
        """Return the seconds until then, 0 where it has passed."""
        return math.inf if self._end is None else max(0.0, self._end - time.monotonic())

    def share(self, fraction: float) -> "Deadline":
        """Return the end of the first part of the time that is left, of this size."""
        return Deadline(None if self._end is None else (self._end - time.monotonic()) * fraction)

    def passed(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end
