"""A disk that runs full: one clear line, nothing acknowledged is lost, and with room again the next run completes.

Needs the right to mount a tmpfs: root, or `unshare -rm make faults`.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

DRIVER = Path(__file__).parent / "driver.py"
FILES = 60
PACKED_FILES = 360
"""With six texts each, more than are left outside a pack."""
AMPLE = "64m"

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[Path, range, int], None]


class Disk:
    """A tmpfs of a size that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def resize(self, size: str) -> None:
        """Change the size, as `64m`."""
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)

    def fill_up_to(self, left: int) -> None:
        """Leave so many bytes free."""
        state = os.statvfs(self.folder)
        blocks = (state.f_bavail * state.f_frsize - left) // 4096
        (self.folder / "filler").write_bytes(bytes(4096 * blocks))

    def make_room(self) -> None:
        """Undo `fill_up_to`."""
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path, environment: dict[str, str]) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={AMPLE}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.fail(f"this test mounts a tmpfs: run it as root or by `unshare -rm make faults` ({mounted.stderr})")
    made = Disk(folder)
    environment["INSTAR_DATA"] = str(made.data)
    yield made
    subprocess.run(["umount", "--lazy", folder], check=True)


def assert_refused(run: subprocess.CompletedProcess[str]) -> None:
    """Refused for want of room, in one line that says what to do (after the forecast for an unknown folder)."""
    *forecast, refusal = run.stderr.splitlines()
    assert run.returncode == 4, run.stderr
    assert all(" is not indexed yet: " in line for line in forecast)
    assert refusal.startswith("instar: the disk of ")
    assert " is full; free some room" in refusal


def assert_sound(instar_command: Command, root: Path, files: int) -> None:
    """Everything is there and `verify` finds nothing to mend."""
    done = instar_command("index", root)
    assert done.returncode == 0, done.stderr
    checked = instar_command("verify")
    assert (checked.returncode, checked.stdout) == (0, "sound\n")
    found = instar_command("search", "--no-refresh", "--limit", "50", "ember combine part_2", root)
    assert "note:" not in found.stderr
    assert len(documents(root.parent / "disk" / "data")) == files


def documents(data: Path) -> dict[str, int]:
    """Return the number of chunks of each document."""
    if not (data / "instar.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        query = "SELECT path, count(c.id) FROM documents d LEFT JOIN chunks c ON c.document_id = d.id GROUP BY d.id"
        return dict(connection.execute(query).fetchall())


@pytest.mark.parametrize("kilobytes", [8, 32, 64, 128, 192, 300, 450, 600, 800, 1_100])
def test_a_disk_that_runs_full_while_indexing(
    disk: Disk,
    kilobytes: int,
    tmp_path: Path,
    write_tree: Write,
    environment: dict[str, str],
    instar_command: Command,
) -> None:
    root = tmp_path / "root"
    write_tree(root, range(FILES), 1)
    disk.resize(f"{kilobytes}k")
    command = [sys.executable, str(DRIVER), str(disk.data), str(root), "index"]
    driven = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert driven.returncode != 0
    assert "DiskFullError" in driven.stderr
    promised = {line.split()[1] for line in driven.stdout.splitlines() if line.startswith("stored ")}
    assert_refused(instar_command("index", root))
    found = instar_command("search", "ember combine part_2", root)
    assert found.returncode == 0 or found.stderr.splitlines()[-1].startswith("instar: ")
    assert "Traceback" not in found.stderr
    disk.resize(AMPLE)
    held = documents(disk.data)
    assert promised <= set(held)
    assert set(held.values()) <= {6}
    assert_sound(instar_command, root, FILES)


@pytest.mark.parametrize("derived", ["lexical", "vectors"])
@pytest.mark.parametrize("left", [60_000, 150_000, 250_000])
def test_a_disk_that_runs_full_while_derived_files_are_made(
    disk: Disk, derived: str, left: int, tmp_path: Path, write_tree: Write, instar_command: Command
) -> None:
    root = tmp_path / "root"
    write_tree(root, range(PACKED_FILES), 1)
    assert instar_command("index", root).returncode == 0
    assert (disk.data / derived).exists()
    before = documents(disk.data)
    shutil.rmtree(disk.data / derived)
    disk.fill_up_to(left)
    assert_refused(instar_command("index", root))
    found = instar_command("search", "--no-refresh", "ember combine part_2", root)
    assert found.returncode == 0, found.stderr
    refreshed = instar_command("search", "ember combine part_2", root)
    assert refreshed.returncode == 0, refreshed.stderr
    assert "is full; answered with what is there" in refreshed.stderr
    assert documents(disk.data) == before
    disk.make_room()
    assert_sound(instar_command, root, PACKED_FILES)


def test_a_root_is_forgotten_once_there_is_room(
    disk: Disk, tmp_path: Path, write_tree: Write, instar_command: Command
) -> None:
    """What is said to be forgotten has left no trace, and that takes room; until then the root stays known."""
    kept, left = tmp_path / "kept", tmp_path / "left"
    write_tree(kept, range(FILES), 1)
    write_tree(left, range(1000, 1000 + FILES), 2)
    assert instar_command("index", kept, left).returncode == 0
    disk.fill_up_to(50_000)
    assert_refused(instar_command("roots", "forget", left))
    assert str(left) in instar_command("roots").stdout
    disk.make_room()
    assert instar_command("roots", "forget", left).returncode == 0
    files = [path for path in disk.data.rglob("*") if path.is_file()]
    assert not [path.name for path in files if b"gen2x" in path.read_bytes()]
    assert_sound(instar_command, kept, FILES)


@pytest.mark.parametrize("left", [0, 100_000, 500_000, 1_200_000])
def test_a_disk_that_runs_full_while_a_backup_is_made_or_restored(
    disk: Disk, left: int, tmp_path: Path, write_tree: Write, instar_command: Command
) -> None:
    """No half of a file is left, and the corpus is the former one or the one that was backed up."""
    root, copy = tmp_path / "root", tmp_path / "copy"
    write_tree(root, range(FILES), 1)
    assert instar_command("index", root).returncode == 0
    kept = documents(disk.data)
    assert instar_command("backup", copy).returncode == 0
    write_tree(root, range(FILES, 2 * FILES), 1)
    assert instar_command("index", root).returncode == 0
    later = documents(disk.data)
    disk.fill_up_to(left)
    if left < copy.stat().st_size:
        assert_refused(instar_command("backup", disk.folder / "copy"))
        assert sorted(path.name for path in disk.folder.iterdir()) == ["data", "filler"]
    refused = instar_command("restore", copy, "--yes")
    assert refused.returncode == 4, refused.stderr
    assert " is full; free some room" in refused.stderr.splitlines()[-1]
    disk.make_room()
    assert documents(disk.data) in (kept, later)
    assert instar_command("restore", copy, "--yes").returncode == 0
    assert documents(disk.data) == kept
    assert_sound(instar_command, root, 2 * FILES)
