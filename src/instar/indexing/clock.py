"""Time budgets."""

import time


class Deadline:
    """A point in time after which work stops at the next safe place; without `seconds` it never comes."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def passed(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end
