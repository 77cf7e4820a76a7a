"""Folders that cannot be read as they should: what can be read is indexed, what was known is kept."""

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instar.domain.search import SearchRequest
from instar.domain.sources import BINARY, ENCODING, LINK, TOO_LARGE, UNREADABLE, VANISHED
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

Write = Callable[[Path, range, int], None]
Command = Callable[..., subprocess.CompletedProcess[str]]

MANY_FILES = 180
"""With six chunks each, more than are stored at once: the first are stored before the last are read."""
LARGE = 200_000_000


@pytest.fixture
def root(tmp_path: Path, write_tree: Write) -> Path:
    """Return a root with four ordinary files."""
    write_tree(tmp_path / "root", range(4), 1)
    return tmp_path / "root"


ORDINARY = {f"f000{number}.py" for number in range(4)}


def indexed(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what `instar index --json` reports of its only root."""
    assert run.returncode == 0, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)["roots"][0]
    return report


def found_paths(instar_command: Command, *options: str | Path) -> set[str]:
    found = instar_command("search", "--json", "--limit", "100", "ember combine", *options)
    assert found.returncode == 0, found.stderr
    return {hit["path"] for hit in json.loads(found.stdout)["hits"]}


def test_what_is_not_text_is_counted_and_passed_over(root: Path, instar_command: Command) -> None:
    dice = random.Random(1)
    (root / "noise.py").write_bytes(dice.randbytes(5_000))
    (root / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(500))
    (root / "cyrillic.txt").write_bytes("отступ между попытками и повтор запроса ".encode("koi8-r") * 50)
    (root / "latin.py").write_bytes("# ember combine, na\xefve caf\xe9\nvalue = 1\n".encode("latin-1"))
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")
    with (root / "sparse.py").open("wb") as sparse:
        sparse.truncate(LARGE)
    report = indexed(instar_command("index", "--json", root))
    assert report["skipped"] == {BINARY: 2, ENCODING: 1, LINK: 2, TOO_LARGE: 1}
    assert report["read"] == 5
    assert found_paths(instar_command, root) == ORDINARY | {"latin.py"}


@pytest.mark.faults
def test_a_large_file_is_not_read(root: Path, instar_command: Command) -> None:
    line = b"ember combine " * 9 + b"\n"
    with (root / "large.py").open("wb") as large:
        for _ in range(LARGE // (len(line) * 10_000) + 1):
            large.write(line * 10_000)
    assert indexed(instar_command("index", "--json", root))["skipped"] == {TOO_LARGE: 1}
    assert found_paths(instar_command, root) == ORDINARY


def test_a_source_is_only_read(root: Path, instar_command: Command) -> None:
    root.chmod(0o555)
    try:
        before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.iterdir()}
        assert indexed(instar_command("index", "--json", root, unprivileged=True))["read"] == 4
        assert found_paths(instar_command, root) == ORDINARY
        assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.iterdir()} == before
    finally:
        root.chmod(0o755)


def test_a_file_that_may_not_be_read_is_counted_and_what_was_known_is_kept(root: Path, instar_command: Command) -> None:
    (root / "locked").mkdir()
    (root / "locked" / "inside.py").write_text("def ember(): combine()\n")
    instar_command("index", root)
    for path in (root / "f0000.py", root / "new.py"):
        path.write_text("def ember(): combine()\n")
        path.chmod(0)
    (root / "locked").chmod(0)
    try:
        report = indexed(instar_command("index", "--json", root, unprivileged=True))
        assert report["skipped"] == {UNREADABLE: 3}
        assert report["removed"] == 0
        assert found_paths(instar_command, "--no-refresh", root) == ORDINARY | {"locked/inside.py"}
    finally:
        (root / "locked").chmod(0o755)


class Removing(SilentProgress):
    """Removes files as soon as the first have been stored."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def step(self, phase: str, done: int, total: int | None) -> None:
        for path in self._paths:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("known", [False, True])
def test_files_that_vanish_before_they_are_read(tmp_path: Path, write_tree: Write, known: bool) -> None:
    root = tmp_path / "root"
    write_tree(root, range(MANY_FILES), 1)
    workspace = Workspace(Settings(data=tmp_path / "data"), HashEmbedder(dimensions=8))
    if known:
        workspace.index([root], SilentProgress())
        write_tree(root, range(MANY_FILES), 2)
    last = sorted(root.iterdir())[-3:]
    (report,) = workspace.index([root], Removing(last))
    assert report.skipped == {VANISHED: 3}
    assert report.read == MANY_FILES - 3
    (report,) = workspace.index([root], SilentProgress())
    assert (report.removed, report.skipped) == (3 if known else 0, {})
    hits = workspace.search(SearchRequest(last[0].read_text() if last[0].exists() else last[0].stem, limit=50)).hits
    assert last[0].name not in {hit.path for hit in hits}
    workspace.close()


def test_a_missing_root_is_kept_and_said(
    root: Path, tmp_path: Path, write_tree: Write, instar_command: Command
) -> None:
    other = tmp_path / "other"
    write_tree(other, range(10, 12), 1)
    instar_command("index", root, other)
    write_tree(other, range(12, 13), 1)
    aside = root.rename(tmp_path / "aside")
    for state in ("gone", "empty"):  # a mount point without its disk is an empty folder
        refused = instar_command("index", root, other)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert f"{root} is not there, or empty; what is stored of it was kept" in refused.stderr
        assert "f0012.py" in found_paths(instar_command, "--everywhere")
        assert found_paths(instar_command, "--everywhere") >= ORDINARY
        answered = instar_command("search", "ember combine", root)
        assert (answered.returncode, f"{root} is not there now, or empty" in answered.stderr) == (0, True)
        assert instar_command("index", "--rebuild", root).returncode == 2
        assert found_paths(instar_command, "--no-refresh", root) == ORDINARY
        if state == "gone":
            root.mkdir()
    root.rmdir()
    aside.rename(root)
    assert indexed(instar_command("index", "--json", root))["removed"] == 0


def test_a_root_that_lost_some_files_is_not_missing(root: Path, instar_command: Command) -> None:
    instar_command("index", root)
    for name in sorted(ORDINARY)[1:]:
        (root / name).unlink()
    assert indexed(instar_command("index", "--json", root))["removed"] == 3
    assert found_paths(instar_command, root) == {"f0000.py"}


def test_a_data_folder_that_cannot_be_written_is_refused_in_one_line(
    root: Path, tmp_path: Path, instar_command: Command
) -> None:
    data = tmp_path / "data"
    instar_command("index", root)
    commands = (
        ("index", root),
        ("index", "--rebuild", root),
        ("search", "ember combine", root),
        ("verify",),
        ("roots", "forget", root),
    )
    data.chmod(0o555)
    try:
        for command in commands:
            refused = instar_command(*command, unprivileged=True)
            assert (refused.returncode, refused.stderr.count("\n")) == (4, 1), refused.stderr
            assert refused.stderr.startswith(f"instar: the data folder {data} cannot be used (")
            assert refused.stderr.endswith("; make it readable and writable for you, or name another with --data\n")
    finally:
        data.chmod(0o755)
    assert found_paths(instar_command, root) == ORDINARY


def test_a_data_folder_that_cannot_be_read_is_refused_in_one_line(
    root: Path, tmp_path: Path, instar_command: Command
) -> None:
    data = tmp_path / "data"
    instar_command("index", root)
    data.chmod(0)
    try:
        for command in (("index", root), ("search", "ember", root), ("verify",), ("status",), ("roots",)):
            refused = instar_command(*command, unprivileged=True)
            assert refused.returncode != 0
            assert refused.stderr.count("\n") == 1, refused.stderr
            assert refused.stderr.startswith("instar: ")
    finally:
        data.chmod(0o755)


def test_a_data_folder_that_cannot_be_made_is_refused_in_one_line(
    root: Path, tmp_path: Path, instar_command: Command
) -> None:
    (tmp_path / "file").write_text("no folder")
    for data in (tmp_path / "file", tmp_path / "file" / "data"):
        refused = instar_command("index", "--data", data, root)
        assert refused.returncode == 4, refused.stderr
        assert refused.stderr.splitlines()[-1].startswith(f"instar: the data folder {data} cannot be used (")
    shutil.rmtree(root)
