"""Progress bars on a terminal, nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from instar.ports import Progress, SilentProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


SLOW = 10.0
"""A second; below it a decimal tells rates apart."""


class _Bars:
    """A bar for each phase, with rate and time left."""

    def __init__(self, bars: "RichProgress") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def step(self, phase: str, done: int, total: int | None) -> None:
        """Move the bar of `phase`."""
        if phase not in self._tasks:
            self._tasks[phase] = self._bars.add_task(phase, total=total, rate="")
        task = self._tasks[phase]
        self._bars.update(task, completed=done, total=total)
        speed = next(one.speed for one in self._bars.tasks if one.id == task)
        if speed is not None:
            self._bars.update(task, rate=f"{speed:,.0f}/s" if speed >= SLOW else f"{speed:.1f}/s")


@contextmanager
def shown(*, wanted: bool = True) -> Iterator[Progress]:
    """Show progress on standard error where it is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield SilentProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars)
