"""Backup and restore on the command line: a search right after answers with what was backed up."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
ABSENT = ("search", "--no-refresh", "--everywhere", "--json")


def found(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the paths of the hits of an answer that lacks nothing."""
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["degraded"] is None
    return [hit["path"] for hit in answer["hits"]]


@pytest.fixture
def notes(tmp_path: Path, instar_command: Command) -> Path:
    """Return a folder whose index was backed up to `copy`, and which was changed and indexed since."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "retry.md").write_text("Retries wait for twice as long.\n")
    assert instar_command("index", folder, "--yes").returncode == 0
    made = instar_command("backup", tmp_path / "copy")
    assert (made.returncode, made.stderr) == (0, "")
    (folder / "retry.md").unlink()
    (folder / "lock.md").write_text("A lock file admits one writer.\n")
    assert instar_command("index", folder).returncode == 0
    return folder


def test_a_search_right_after_answers_with_what_was_restored(
    notes: Path, tmp_path: Path, instar_command: Command
) -> None:
    assert found(instar_command(*ABSENT, "how long do retries wait")) == ["lock.md"]
    done = instar_command("restore", tmp_path / "copy", "--yes", "--json")
    facts = {"roots": [str(notes)], "documents": 1, "problem": None}
    assert json.loads(done.stdout) == {"restored": str(tmp_path / "copy"), "replaced": facts, "holds": facts}
    assert found(instar_command(*ABSENT, "how long do retries wait")) == ["retry.md"]
    assert found(instar_command(*ABSENT, "lock", "--mode", "lexical")) == []
    assert found(instar_command("search", "lock", notes, "--json")) == ["lock.md"]  # which reads what is new
    assert json.loads(instar_command("verify", "--json").stdout) == {"sound": True, "damage": [], "mended": []}


def test_into_a_new_folder_nothing_is_asked(notes: Path, tmp_path: Path, instar_command: Command) -> None:
    done = instar_command("restore", tmp_path / "copy", "--data", tmp_path / "other")
    assert (done.returncode, done.stdout, done.stderr) == (0, "restored: 1 document of 1 root\n", "")
    assert found(instar_command(*ABSENT, "retries", "--data", tmp_path / "other")) == ["retry.md"]


def test_a_corpus_is_not_replaced_unasked(notes: Path, tmp_path: Path, instar_command: Command) -> None:
    done = instar_command("restore", tmp_path / "copy")
    assert done.returncode == 2
    assert f"replaces the corpus in {tmp_path / 'data'}: 1 document of 1 root\n" in done.stderr
    assert "--yes" in done.stderr
    assert found(instar_command(*ABSENT, "retries")) == ["lock.md"]


def test_a_database_that_cannot_be_read_is_named_and_replaced(
    notes: Path, tmp_path: Path, instar_command: Command
) -> None:
    (tmp_path / "data" / "instar.db").write_bytes(b"spoilt" * 10_000)
    assert instar_command("restore", tmp_path / "copy").returncode == 2
    done = instar_command("restore", tmp_path / "copy", "--yes")
    assert (done.returncode, done.stdout) == (0, "restored: 1 document of 1 root\n")
    assert "what cannot be read" in done.stderr
    assert found(instar_command(*ABSENT, "retries")) == ["retry.md"]


def test_what_is_no_backup_is_refused_in_one_line(notes: Path, tmp_path: Path, instar_command: Command) -> None:
    (tmp_path / "poem").write_text("Thirty days hath September.\n" * 100)
    done = instar_command("restore", tmp_path / "poem", "--yes")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[-1].startswith(f"instar: {tmp_path / 'poem'} cannot be restored")
    assert found(instar_command(*ABSENT, "retries")) == ["lock.md"]


def test_a_file_is_not_overwritten(notes: Path, tmp_path: Path, instar_command: Command) -> None:
    before = (tmp_path / "copy").read_bytes()
    assert instar_command("backup", tmp_path / "copy").returncode == 2
    assert (tmp_path / "copy").read_bytes() == before
