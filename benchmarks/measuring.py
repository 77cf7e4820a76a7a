"""What the speed benchmarks share: one core, one thread, percentiles, sizes, and the facts of the machine."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "LANCEDB_LOG": "error",  # else it warns of its own future at each question
}
PERCENTILES = (50, 95, 99)
MILLISECONDS = 1e3

SETTLED_SECONDS = 0.05


def one_core(core: int) -> None:
    """Run this script once more, bound to one core and with one thread in every library."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.sched_setaffinity(0, {core})
        environment = {**os.environ, **ONE_THREAD}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else the command line would compile itself each time
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


class Clock:
    """Times of repeated work: on the wall, and of the processor (all threads), which other work does not inflate."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time a block."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.processor.append(time.process_time() - processor)
        self.wall.append(time.perf_counter() - wall)

    def summary(self) -> dict[str, dict[str, float]]:
        """Return the percentiles of both in milliseconds."""
        return {"wall": percentiles(self.wall), "processor": percentiles(self.processor)}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds."""
    ordered = sorted(seconds)
    places = {f"p{p}": min(len(ordered) - 1, len(ordered) * p // 100) for p in PERCENTILES}
    return {name: round(ordered[place] * MILLISECONDS, 3) for name, place in places.items()}


class Stages:
    """Seconds spent in named functions, counted while they are replaced by timed ones.

    Where one calls another, the time of the inner one is its own alone.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = 0.0

    @contextmanager
    def timing(self, functions: Sequence[tuple[str, object, str]]) -> Iterator[None]:
        """Time (stage, owner, attribute) inside the block."""
        patches = [
            patch.object(owner, name, self._timed(stage, getattr(owner, name))) for stage, owner, name in functions
        ]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: object, **kwargs: object) -> object:
            before, self._inside = self._inside, 0.0
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.process_time() - start
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent - self._inside
                self._inside = before + spent

        return timed


def resident_bytes() -> int:
    """Return the memory of this process that is resident, mapped files included."""
    status = Path("/proc/self/status").read_text("utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def peak_resident_bytes(status: str) -> int:
    """Return the most memory that was resident, mapped files included, from a text like `/proc/self/status`."""
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def folder_bytes(path: Path) -> int:
    """Return the size of a file, or of all files below a folder."""
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def facts(packages: Sequence[str]) -> dict[str, object]:
    """Return processor, system, load and versions."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return {
        "processor": processor,
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": head.stdout.strip(),
        "load": os.getloadavg()[0],
        "versions": {name: version_of(name) for name in packages},
    }


def version_of(package: str) -> str | None:
    """Return the installed version of a distribution, None where it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def settle() -> None:
    """Wait until what was just written counts as settled.

    A file that changed within 20 ms before it is read is read again next time, for its time stamp may not tell a
    second change. There is nothing else to wait for than the clock; outside what is timed.
    """
    time.sleep(SETTLED_SECONDS)
