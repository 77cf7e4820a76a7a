"""More sessions than are stored in one transaction."""

import sqlite3
from contextlib import closing

import pytest
from conversations import Conversation, encoded

from instar.adapters.sources.transcripts import OpenFile
from instar.domain.corpus import SessionChoice
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

SESSIONS = 30
TURNS = 60


@pytest.fixture
def root(tmp_path):
    """Return a folder with code, about which many sessions were held."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "retry.py").write_text("def retry_delay(attempt):\n    return 2**attempt\n")
    for number in range(SESSIONS):
        name = f"s{number:02}"
        talk = Conversation(tmp_path / "projects" / encoded(folder) / f"{name}.jsonl", folder, session=name)
        for turn in range(TURNS):
            talk.prompt(f"Question {turn} of session {number}: why does the walrus wait?")
    return folder


@pytest.fixture
def workspace(tmp_path, root):
    opened = Workspace(Settings(data=tmp_path / "data"), HashEmbedder())
    opened.choose_sessions([root], SessionChoice((str(tmp_path / "projects"),)))
    yield opened
    opened.close()


def turns(workspace):
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        return db.execute("SELECT count(*), count(DISTINCT document_id) FROM turns").fetchone()


def test_all_are_read_once(workspace, root):
    (report,) = workspace.index([root], SilentProgress())
    assert (report.transcripts, report.turns) == (SESSIONS, SESSIONS * TURNS)
    assert turns(workspace) == (SESSIONS * TURNS, SESSIONS)


def test_a_run_that_stops_keeps_what_was_stored_and_the_next_one_goes_on(workspace, root, monkeypatch):
    lines = OpenFile.lines

    def stopping(self, offset):
        for line in lines(self, offset):
            if b"session 4:" in line:
                raise KeyboardInterrupt
            yield line

    monkeypatch.setattr(OpenFile, "lines", stopping)
    with pytest.raises(KeyboardInterrupt):
        workspace.index([root], SilentProgress())
    monkeypatch.undo()
    count, documents = turns(workspace)
    assert 0 < documents <= 25
    assert count == documents * TURNS
    (report,) = workspace.index([root], SilentProgress())
    assert report.transcripts >= SESSIONS - documents
    assert turns(workspace) == (SESSIONS * TURNS, SESSIONS)


def test_what_moved_is_stored_in_its_new_place_before_the_old_one_is_deleted(workspace, root, tmp_path):
    workspace.index([root], SilentProgress())
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        vectors = db.execute("SELECT max(sequence), count(*) FROM vectors").fetchone()
        for path in sorted((tmp_path / "projects").rglob("*.jsonl")):
            path.rename(path.with_name(f"moved-{path.name}"))
        (report,) = workspace.index([root], SilentProgress())
        assert (report.transcripts, report.removed) == (SESSIONS, SESSIONS)
        assert db.execute("SELECT max(sequence), count(*) FROM vectors").fetchone() == vectors
    assert turns(workspace) == (SESSIONS * TURNS, SESSIONS)


def test_what_is_passed_over_is_stored_in_batches_too(workspace, root, tmp_path, monkeypatch):
    for number in range(1_200):
        path = tmp_path / "projects" / "2026" / f"{number:04}.jsonl"
        Conversation(path, "/elsewhere").prompt("private")
    lines = OpenFile.lines
    opened = 0

    def stopping(self, offset):
        nonlocal opened
        opened += 1
        if opened > 1_100:
            raise KeyboardInterrupt
        return lines(self, offset)

    monkeypatch.setattr(OpenFile, "lines", stopping)
    with pytest.raises(KeyboardInterrupt):
        workspace.index([root], SilentProgress())
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        assert db.execute("SELECT count(*) FROM documents WHERE skipped = 'another project'").fetchone() == (1_000,)
