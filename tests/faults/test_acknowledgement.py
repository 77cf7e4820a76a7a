"""What is acknowledged has been made durable first: seen in the calls to the system."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

DRIVER = Path(__file__).parent / "driver.py"
FILES = 24
CALL = re.compile(r"\d+ +(\w+)\((\d+)<([^>]*)>(.*)")


@pytest.fixture
def calls(tmp_path: Path, environment: dict[str, str], write_tree: Callable[[Path, range, int], None]) -> list[str]:
    """Return the writes and synchronisations of a process that indexes, in order, as `call file rest`."""
    tracer = shutil.which("strace")
    if tracer is None:
        pytest.fail("this test needs strace: apt install strace, or your system's package")
    root, log = tmp_path / "root", tmp_path / "calls"
    write_tree(root, range(FILES), 1)
    command = [
        *(tracer, "-f", "-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(log)),
        *(sys.executable, str(DRIVER), environment["INSTAR_DATA"], str(root), "index"),
    ]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    matches = map(CALL.match, log.read_text("utf-8", "replace").splitlines())
    return [f"{m[1]} {'stdout' if m[2] == '1' else Path(m[3]).name} {m[4]}" for m in matches if m]


def test_the_log_is_synchronised_before_the_acknowledgement(calls: list[str]) -> None:
    acknowledged = 0
    unsynchronised = written = False
    for line in calls:
        call, file, rest = line.split(" ", 2)
        if file == "instar.db-wal":
            unsynchronised = call == "pwrite64"
            written = True
        elif file == "stdout" and "stored " in rest:
            acknowledged += 1
            assert written, "acknowledged without anything written"
            assert not unsynchronised, "acknowledged before the log was synchronised"
    assert acknowledged == FILES


def test_each_batch_is_written_and_synchronised_by_itself(calls: list[str]) -> None:
    """Between the acknowledgements of two batches the log is written and synchronised anew."""
    story = [
        "said" if "stdout" in line and "stored" in line else "synchronised" if "sync" in line else "written"
        for line in calls
        if "instar.db-wal" in line or ("stdout" in line and "stored" in line)
    ]
    steps = [step for step, former in zip(story, ["", *story], strict=False) if step != former]
    assert steps.count("said") == FILES // 8
    for i, step in enumerate(steps):
        if step == "said":
            assert steps[i - 2 : i] == ["written", "synchronised"]


def test_the_new_database_has_a_durable_name(calls: list[str]) -> None:
    first = next(i for i, line in enumerate(calls) if "stored " in line)
    synchronised = [line.split()[1] for line in calls[:first] if "sync" in line.split()[0]]
    assert "instar.db.new" in synchronised
    assert "data" in synchronised[synchronised.index("instar.db.new") :]
