"""Following the sessions of a root: what is read, what is kept, what is dropped."""

import os
import shutil
import sqlite3
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from conversations import BEGIN, Conversation, encoded

from instar.adapters.sources.transcripts import OpenFile
from instar.domain.corpus import SessionChoice
from instar.domain.search import Mode, Scope, SearchRequest
from instar.indexing.session_folders import READ_IN_PASSING
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

PRIVATE_KEY = (
    f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQIBADANBgkq' * 4}\n{'hkiG9w0BAQEFAASC' * 4}\n-----END PRIVATE KEY-----"
)


@pytest.fixture
def workspace(tmp_path):
    opened = Workspace(Settings(data=tmp_path / "data"), HashEmbedder())
    yield opened
    opened.close()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "retry.py").write_text("def retry_delay(attempt):\n    return 2**attempt\n")
    age(folder / "retry.py")
    return folder


@pytest.fixture
def projects(tmp_path):
    """Return the folder in which all transcripts lie."""
    folder = tmp_path / "projects"
    folder.mkdir()
    return folder


@pytest.fixture
def talk(projects, root):
    """Return a conversation about the root: a prompt, an edit, an answer."""
    made = Conversation(projects / encoded(root) / "5e55-1.jsonl", root)
    made.prompt("Why does the walrus wait so long?")
    made.edit(str(root / "retry.py"), "2**attempt", "min(60, 2**attempt)")
    made.answer("The pause of the walrus had no upper bound.")
    age(made.path)
    return made


def age(path, seconds=60):
    """Make a file old enough that its time stamp is trusted."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - seconds * 1_000_000_000))


def follow(workspace, root, projects=None, *globs, **options):
    """Index a root, with `projects` as its folder of transcripts from now on."""
    if projects is not None:
        workspace.choose_sessions([root], SessionChoice((str(projects),), globs))
    (report,) = workspace.index([root], SilentProgress(), **options)
    return report


def found(workspace, query, **scope):
    answer = workspace.search(SearchRequest(query, Scope(**scope), mode=Mode.LEXICAL))
    assert answer.degraded is None
    return [hit.session.turn if hit.session else hit.path for hit in answer.hits]


def stored(workspace):
    """Return (path of the document, turn, lines, text) of every chunk of a session."""
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        return db.execute(
            "SELECT d.path, u.turn, start_line, end_line, text FROM chunks c JOIN documents d ON d.id = c.document_id"
            " JOIN texts t ON t.id = text_id JOIN turns u ON u.id = turn_id ORDER BY 1, 3, 2"
        ).fetchall()


def traces(workspace, mark):
    """Return the files of the data folder that hold a string."""
    files = [path for path in workspace.settings.data.rglob("*") if path.is_file()]
    return [path.name for path in files if mark.encode() in path.read_bytes()]


def test_nothing_is_read_of_sessions_before_they_are_asked_for(workspace, root, talk):
    follow(workspace, root)
    assert found(workspace, "walrus") == []


def test_sessions_are_read_and_followed_once_they_are_asked_for(workspace, root, projects, talk):
    report = follow(workspace, root, projects)
    assert (report.read, report.transcripts, report.turns) == (1, 1, 3)
    assert set(found(workspace, "walrus")) == {"5e55-1-1", "5e55-1-4"}
    later = talk.prompt("Thank you, dear penguin.")
    age(talk.path, 30)
    assert follow(workspace, root).transcripts == 1
    assert found(workspace, "penguin") == [later]
    assert follow(workspace, root).transcripts == 0


def test_a_hit_tells_its_turn(workspace, root, projects, talk):
    follow(workspace, root, projects)
    (prompt, answer) = sorted(
        workspace.search(SearchRequest("walrus", Scope(source="sessions"))).hits[:2], key=lambda hit: hit.start_line
    )
    assert (prompt.path, prompt.start_line, prompt.end_line) == (str(talk.path), 1, 1)
    assert (prompt.session.id, prompt.session.role, prompt.session.branch) == ("5e55-1", "user", "main")
    assert prompt.session.project == str(root)
    assert prompt.answers == ""
    assert answer.answers == "Why does the walrus wait so long?"
    assert prompt.files == answer.files == ("retry.py",)


def test_after_an_append_only_the_new_part_is_read(workspace, root, projects, talk, monkeypatch):
    for number in range(200):
        talk.prompt(f"Question {number} about the walrus.")
        talk.answer(f"Answer {number}. " + "It goes on and on. " * 20)
    follow(workspace, root, projects)
    bytes_read = 0
    lines, before = OpenFile.lines, OpenFile.before

    def counted(self, offset):
        nonlocal bytes_read
        for line in lines(self, offset):
            bytes_read += len(line)
            yield line

    def counted_before(self, offset):
        nonlocal bytes_read
        bytes_read += min(offset, 4_096)
        return before(self, offset)

    monkeypatch.setattr(OpenFile, "lines", counted)
    monkeypatch.setattr(OpenFile, "before", counted_before)
    size = talk.path.stat().st_size
    talk.prompt("And the penguin?")
    added = talk.path.stat().st_size - size
    report = follow(workspace, root)
    assert report.transcripts == 1
    assert len(found(workspace, "penguin")) == 1
    assert bytes_read <= added + 4 * 4_096 + 2_000  # what is compared before and after, and the turn that was open
    assert size > 100_000


def test_appended_turn_by_turn_all_is_as_if_read_at_once(workspace, root, projects, tmp_path):
    whole = Conversation(tmp_path / "whole.jsonl", root)
    for number in range(6):
        whole.prompt(f"Question {number}")
        whole.read(str(root / "retry.py"), f"content {number}")
        whole.answer(f"Answer {number}")
        whole.answer(f"More of it {number}")
    path = projects / encoded(root) / "5e55-1.jsonl"
    path.parent.mkdir()
    content = whole.path.read_bytes()
    for end in range(700, len(content) + 700, 700):
        path.write_bytes(content[:end])
        follow(workspace, root, projects)
    grown = stored(workspace)
    follow(workspace, root, reread=True)
    assert stored(workspace) == grown
    assert len(grown) == 24
    assert workspace.verify().mended == ()


@pytest.mark.parametrize("change", ["cut", "cut and grown", "another", "another of the same length"])
def test_what_was_rewritten_is_read_anew(workspace, root, projects, talk, change):
    follow(workspace, root, projects)
    lines = talk.path.read_bytes().splitlines(keepends=True)
    talk.path.write_bytes(
        {
            "cut": lines[0],
            "cut and grown": lines[0] + lines[-1] * 9,
            "another": b"".join(lines).replace(b"walrus", b"narwhal"),
            "another of the same length": b"".join(lines).replace(b"walrus", b"beaver"),
        }[change]
    )
    follow(workspace, root)
    turns = stored(workspace)
    shutil.rmtree(workspace.settings.data)
    workspace.close()
    follow(workspace, root, projects)
    assert turns == stored(workspace)
    assert turns


def test_copies_of_turns_cost_only_rows(workspace, root, projects, talk):
    follow(workspace, root, projects)
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        texts = db.execute("SELECT count(*) FROM texts").fetchone()
        resumed = talk.path.with_name("5e55-2.jsonl")
        resumed.write_bytes(talk.path.read_bytes())
        assert follow(workspace, root).turns == 3
        assert db.execute("SELECT count(*) FROM texts").fetchone() == texts
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (6,)
    assert len(found(workspace, "walrus")) == 2
    (file,) = (hit for hit in workspace.search(SearchRequest("retry_delay")).hits if hit.source == "code")
    assert len(file.related_sessions) == 1


def test_a_turn_that_stands_twice_in_a_transcript_is_stored_once(workspace, root, projects, talk):
    follow(workspace, root, projects)
    before = stored(workspace)
    for _ in range(200):
        talk.other("progress")
    talk.raw(b"".join(talk.path.read_bytes().splitlines(keepends=True)[:4]))  # as after a compaction
    follow(workspace, root)
    assert stored(workspace) == before
    follow(workspace, root, reread=True)
    assert stored(workspace) == before


def test_a_deleted_transcript_is_gone_with_its_texts(workspace, root, projects, talk):
    follow(workspace, root, projects)
    talk.path.unlink()
    assert follow(workspace, root).removed == 1
    assert found(workspace, "walrus") == []
    with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
        for table in ("sessions", "turns", "touches"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM texts WHERE text LIKE '%walrus%'").fetchone() == (0,)


def test_a_renamed_transcript_is_found_in_its_new_place(workspace, root, projects, talk):
    follow(workspace, root, projects)
    talk.path.rename(talk.path.with_name("moved.jsonl"))
    follow(workspace, root)
    assert {row[0] for row in stored(workspace)} == {str(talk.path.with_name("moved.jsonl"))}


def test_a_missing_folder_of_sessions_is_kept_and_said(workspace, root, projects, talk, tmp_path):
    follow(workspace, root, projects)
    projects.rename(tmp_path / "elsewhere")
    (root / "new.py").write_text("def walrus(): ...\n")
    report = follow(workspace, root)
    assert (report.missing, report.missing_sessions, report.read) == (False, [str(projects)], 1)
    assert "5e55-1-1" in found(workspace, "walrus")
    projects.mkdir()  # as where nothing is mounted
    assert follow(workspace, root).missing_sessions == [str(projects)]
    assert "5e55-1-1" in found(workspace, "walrus")


def test_files_and_sessions_do_not_delete_each_other(workspace, root, projects, talk):
    follow(workspace, root, projects)
    (root / "retry.py").unlink()
    (root / "other.py").write_text("def other(): ...\n")
    follow(workspace, root)
    assert "5e55-1-1" in found(workspace, "walrus")
    talk.path.unlink()
    follow(workspace, root)
    assert found(workspace, "other") == ["other.py"]


def test_files_name_the_sessions_that_touched_them_and_no_others(workspace, root, projects):
    """Four files, three sessions, one of them resumed in another file: every pair is right, and none is missing."""
    (root / "sub").mkdir()
    for name in ("login.py", "sub/retry.py", "unused.py"):
        (root / name).write_text(f"def {name.split('/')[-1][:-3]}_in_{len(name)}(): ...\n")
    plan = {
        "alpha": [("edit", "retry.py"), ("read", "login.py"), ("edit", "login.py")],
        "beta": [("read", "retry.py"), ("edit", "sub/retry.py")],
        "gamma": [("read", "sub/retry.py"), ("edit", "../elsewhere/login.py")],
    }
    for name, calls in plan.items():
        talk = Conversation(projects / encoded(root) / f"{name}.jsonl", root, session=name)
        for action, file in calls:
            talk.prompt("go on")
            getattr(talk, action)(str(root / file))
    resumed = projects / encoded(root) / "resumed.jsonl"
    resumed.write_bytes((projects / encoded(root) / "alpha.jsonl").read_bytes())
    follow(workspace, root, projects)
    found = {}
    for query in ("retry_delay", "login_in_8", "retry_in_12", "unused_in_9"):
        hit = workspace.search(SearchRequest(query, Scope(source="code"), limit=1)).hits[0]
        found[hit.path] = [(item.session, item.action) for item in hit.related_sessions]
    assert found == {
        "retry.py": [("alpha", "edit"), ("beta", "read")],
        "login.py": [("alpha", "edit")],
        "sub/retry.py": [("beta", "edit"), ("gamma", "read")],
        "unused.py": [],
    }


def test_a_session_that_touched_a_file_often_leaves_room_for_others(workspace, root, projects):
    first = BEGIN
    for number in range(7):
        talk = Conversation(projects / encoded(root) / f"s{number}.jsonl", root, session=f"s{number}", begin=first)
        for again in range(6):
            talk.prompt(f"once more {again}")
            last = talk.edit(str(root / "retry.py"), new=f"{number} {again}")
        first += timedelta(days=1)
    follow(workspace, root, projects)
    (hit,) = workspace.search(SearchRequest("retry_delay", Scope(source="code"), limit=1)).hits
    assert [item.session for item in hit.related_sessions] == ["s6", "s5", "s4", "s3", "s2"]
    assert hit.related_sessions[0].turn == last


# What a search does in the time it has


@pytest.fixture
def ticks(monkeypatch):
    """Let a clock go on by two milliseconds whenever it is looked at."""
    at = count(step=0.002)
    monkeypatch.setattr("instar.indexing.clock.time", SimpleNamespace(monotonic=lambda: next(at)))


def test_a_new_session_is_found_however_many_files_there_are(workspace, root, projects, talk, ticks):
    follow(workspace, root, projects)
    for number in range(300):
        (root / f"f{number}.py").write_text("x = 1\n")
    talk.prompt("And the penguin?")
    report = follow(workspace, root, seconds=0.5)
    assert (report.transcripts, report.unseen) == (1, True)
    assert follow(workspace, root).unseen is False


def test_the_newest_session_is_found_however_many_others_there_are(workspace, root, tmp_path, ticks):
    folders = [tmp_path / "projects", tmp_path / "sessions"]
    for number in range(300):
        for folder in folders:
            Conversation(folder / "2026" / "01" / f"a{number}.jsonl", "/elsewhere").prompt("private")
    for folder in folders:
        Conversation(folder / "2026" / "02" / "a.jsonl", root, session=folder.name).prompt(f"walrus of {folder.name}")
    workspace.choose_sessions([root], SessionChoice(tuple(map(str, folders))))
    report = follow(workspace, root, seconds=0.5)
    assert report.unseen
    assert set(found(workspace, "walrus")) == {"projects-1", "sessions-1"}
    assert follow(workspace, root).skipped == {"another project": 600}


def test_a_search_leaves_a_long_transcript_to_a_run_without_a_deadline(workspace, root, projects, talk):
    for _ in range(3):
        talk.raw(b'{"type": "progress", "data": "' + b"a" * (READ_IN_PASSING // 2) + b'"}\n')
    talk.prompt("penguin")
    Conversation(projects / encoded(root) / "short.jsonl", root, session="short").prompt("a short walrus")
    other = Conversation(projects / "other.jsonl", "/elsewhere")
    other.prompt("private")
    other.raw(b"a" * (READ_IN_PASSING + 1))
    report = follow(workspace, root, projects, seconds=60)
    assert (report.transcripts, report.pending, report.skipped) == (1, 1, {"another project": 1})
    assert found(workspace, "walrus") == ["short-1"]
    assert follow(workspace, root).pending == 0
    talk.prompt("narwhal")
    report = follow(workspace, root, seconds=60)
    assert (report.transcripts, report.pending) == (1, 0)
    assert len(found(workspace, "narwhal")) == 1


# Which sessions belong to a root


def test_only_the_sessions_that_began_in_the_root_belong_to_it(workspace, root, projects, tmp_path):
    for name, folder in {"a": root, "b": root / "sub", "c": tmp_path / "project-two", "d": tmp_path}.items():
        Conversation(projects / encoded(folder) / f"{name}.jsonl", folder, session=name).prompt("walrus")
    report = follow(workspace, root, projects)
    assert {row[1] for row in stored(workspace)} == {"a-1", "b-1"}
    assert report.skipped == {"another project": 2}


def test_a_session_of_another_project_is_read_no_further_than_its_folder(workspace, root, projects, monkeypatch):
    other = Conversation(projects / "2026" / "of-kiwi.jsonl", "/somewhere/else", session="other")
    for number in range(500):
        other.prompt(f"private walrus {number}")
    age(other.path)
    read = []
    lines = OpenFile.lines

    def noted(self, offset):
        for line in lines(self, offset):
            read.append(line)
            yield line

    monkeypatch.setattr(OpenFile, "lines", noted)
    assert follow(workspace, root, projects).skipped == {"another project": 1}
    assert len(read) == 1
    read.clear()
    assert follow(workspace, root).skipped == {"another project": 1}
    assert read == []
    assert traces(workspace, "walrus") == []
    assert traces(workspace, "somewhere") == []
    assert traces(workspace, "kiwi") == []


def test_what_becomes_that_of_another_project_or_an_own_one_stands_in_the_place_of_what_it_was(
    workspace, root, projects
):
    path = projects / "2026" / "a.jsonl"
    for folder, text in ((root, "walrus"), ("/elsewhere", "narwhal and more"), (root, "penguin and more of that")):
        path.unlink(missing_ok=True)
        Conversation(path, folder, session="a").prompt(text)
        report = follow(workspace, root, projects)
        assert report.skipped == ({} if folder == root else {"another project": 1})
        with closing(sqlite3.connect(workspace.settings.data / "instar.db")) as db:
            assert db.execute("SELECT count(*) FROM documents WHERE source = 'sessions'").fetchone() == (1,)
    assert [row[1] for row in stored(workspace)] == ["a-1"]


def test_a_transcript_that_codex_packed_is_kept(workspace, root, projects, talk):
    other = Conversation(projects / "2026" / "other.jsonl", "/elsewhere", session="other")
    other.prompt("walrus")
    follow(workspace, root, projects)
    before = stored(workspace)
    (projects / "2026" / "never-read.jsonl.zst").write_bytes(b"packed")
    for path in (talk.path, other.path):
        path.rename(f"{path}.zst")
    report = follow(workspace, root)
    assert (report.removed, report.transcripts, report.skipped) == (0, 0, {"compressed": 1, "another project": 1})
    assert stored(workspace) == before
    talk.path.with_name(f"{talk.path.name}.zst").rename(talk.path)
    talk.prompt("Unpacked, dear penguin?")
    follow(workspace, root)
    assert len(found(workspace, "penguin")) == 1
    talk.path.unlink()
    assert follow(workspace, root).removed == 1
    assert stored(workspace) == []


@pytest.mark.parametrize("start", [b"", b'{"type": "mode", "mode": "normal"}\n'])
def test_a_session_of_another_project_in_the_place_of_one_is_not_read(workspace, root, projects, start):
    path = projects / "2026" / "a.jsonl"
    for folder, text in ((root, "narwhal"), ("/somewhere/else", "private walrus " * 30)):
        path.unlink(missing_ok=True)
        talk = Conversation(path, folder)
        talk.raw(start)
        talk.prompt(text)
        report = follow(workspace, root, projects)
    assert report.skipped == {"another project": 1}
    assert traces(workspace, "walrus") == []
    assert found(workspace, "narwhal") == []


def test_what_is_rewritten_while_it_is_read_is_read_anew(workspace, root, projects, talk, monkeypatch):
    lines, content = OpenFile.lines, talk.path.read_bytes()

    def rewriting(self, offset):
        yield from lines(self, offset)
        talk.path.write_bytes(content.replace(b"walrus", b"beaver"))

    monkeypatch.setattr(OpenFile, "lines", rewriting)
    follow(workspace, root, projects)
    monkeypatch.undo()
    talk.prompt("And the penguin?")
    follow(workspace, root)
    assert found(workspace, "walrus") == []
    assert "5e55-1-1" in found(workspace, "beaver")


def test_folders_named_by_other_projects_are_not_opened(workspace, root, projects, monkeypatch):
    Conversation(projects / "-somewhere-else" / "other.jsonl", root, session="other").prompt("walrus")
    assert follow(workspace, root, projects).skipped == {"another project": 1}
    assert found(workspace, "walrus") == []


def test_a_folder_of_another_project_may_have_any_name(workspace, root, projects, talk):
    Path(os.fsdecode(os.fsencode(projects) + b"/-caf\xe9")).mkdir()
    assert follow(workspace, root, projects).skipped == {"another project": 1}


def test_the_innermost_root_has_the_session(workspace, root, projects):
    inner = root / "inner"
    inner.mkdir()
    (inner / "b.py").write_text("b = 1\n")
    Conversation(projects / encoded(inner) / "a.jsonl", inner, session="a").prompt("walrus")
    follow(workspace, root, projects)
    assert found(workspace, "walrus") == ["a-1"]
    workspace.index([inner], SilentProgress())
    follow(workspace, root)
    assert found(workspace, "walrus") == []
    follow(workspace, inner, projects)
    assert found(workspace, "walrus") == ["a-1"]


def test_projects_elsewhere_belong_by_a_glob_and_their_paths_are_those_of_the_project(workspace, root, projects):
    for name in ("app-1", "app-2", "other"):
        talk = Conversation(projects / name / f"{name}.jsonl", f"/trees/app-trees/{name}/deep", session=name)
        talk.prompt("walrus")
        talk.edit(f"/trees/app-trees/{name}/retry.py")
    follow(workspace, root, projects, "**/app-[12]")
    assert {row[1] for row in stored(workspace)} == {"app-1-1", "app-1-2", "app-2-1", "app-2-2"}
    (hit,) = (hit for hit in workspace.search(SearchRequest("retry_delay")).hits if hit.source == "code")
    assert sorted(item.session for item in hit.related_sessions) == ["app-1", "app-2"]


def test_files_of_worktrees_are_those_of_the_root_wherever_the_session_began(workspace, root, projects, tmp_path):
    trees = {
        "inside": root / ".claude" / "worktrees" / "fix",
        "outside": tmp_path / "project-trees" / "two",
        "own": root,
    }
    for name, tree in trees.items():
        talk = Conversation(projects / encoded(root) / f"{name}.jsonl", root, session=name)
        talk.prompt("walrus")
        talk.edit(f"{tree}/retry.py")
    follow(workspace, root, projects, str(root), "**/project-trees/*")
    (hit,) = (hit for hit in workspace.search(SearchRequest("retry_delay")).hits if hit.source == "code")
    assert sorted(item.session for item in hit.related_sessions) == sorted(trees)


def test_another_choice_takes_the_place_of_the_first(workspace, root, projects, talk):
    follow(workspace, root, projects)
    follow(workspace, root, projects, "/nowhere")
    assert found(workspace, "walrus") == []
    follow(workspace, root, projects)
    assert "5e55-1-1" in found(workspace, "walrus")


def test_sessions_taken_back_leave_no_trace(workspace, root, projects, talk):
    follow(workspace, root, projects)
    assert traces(workspace, "walrus")
    workspace.forget_sessions(workspace.roots()[0])
    assert traces(workspace, "walrus") == []
    assert traces(workspace, "5e55") == []
    follow(workspace, root)
    assert found(workspace, "walrus") == []
    assert found(workspace, "retry_delay") == ["retry.py"]
    assert workspace.roots()[0].sessions is None


def test_a_root_is_forgotten_with_its_sessions(workspace, root, projects, talk):
    follow(workspace, root, projects)
    workspace.forget(workspace.roots()[0])
    assert traces(workspace, "walrus") == []
    assert traces(workspace, "5e55") == []


# What is stored


def test_secrets_are_taken_out_of_everything(workspace, root, projects):
    talk = Conversation(projects / encoded(root) / "a.jsonl", root / f"token={KEY}", session="a", branch=f"fix/{KEY}")
    talk.prompt(f"Use {KEY} for the walrus.\n{PRIVATE_KEY}\n")
    talk.edit(str(root / f"{KEY}.py"), new=f"key = '{KEY}'")
    talk.raw(b'{"type": "custom-title", "customTitle": "' + KEY.encode() + b'"}\n')
    follow(workspace, root, projects)
    talk.answer("Done.")
    follow(workspace, root)
    hits = workspace.search(SearchRequest("walrus", Scope(source="sessions"))).hits
    assert any("[REDACTED:" in hit.session.branch for hit in hits if hit.session)
    assert traces(workspace, KEY) == []
    assert traces(workspace, PRIVATE_KEY.splitlines()[2]) == []


def test_halves_of_characters_do_not_stop_a_run(workspace, root, projects):
    talk = Conversation(projects / encoded(root) / "a.jsonl", root, session="a", branch="\ud800")
    talk.prompt("half a walrus \ud83d")
    follow(workspace, root, projects)
    assert found(workspace, "walrus") == ["a-1"]


def test_thinking_is_read_where_it_is_asked_for(workspace, root, projects, talk):
    talk.think("Perhaps a narwhal.")
    follow(workspace, root, projects)
    assert found(workspace, "narwhal") == []
    workspace.settings = replace(workspace.settings, session_thinking=True)
    follow(workspace, root)
    assert len(found(workspace, "narwhal")) == 1


def test_a_run_that_reads_nothing_shows_no_progress(workspace, root, projects, talk):
    steps = []

    class Watched:
        def step(self, phase, done, total):
            steps.append((phase, done, total))

    workspace.choose_sessions([root], SessionChoice((str(projects),)))
    workspace.index([root], Watched())
    assert {("reading", 1, 1), ("sessions", 1, 1)} <= set(steps)
    steps.clear()
    workspace.index([root], Watched())
    assert steps == []


def test_a_run_out_of_time_goes_on_later(workspace, root, projects, talk, monkeypatch):
    for name in ("a", "b", "c"):
        Conversation(projects / encoded(root) / f"{name}.jsonl", root, session=name).prompt("walrus")
    follow(workspace, root)
    workspace.choose_sessions([root], SessionChoice((str(projects),)))
    passed = iter([False] * 7)  # for the root, four to compare, two to read
    monkeypatch.setattr("instar.indexing.clock.Deadline.passed", lambda self: next(passed, True))
    report = follow(workspace, root)
    monkeypatch.undo()
    assert (report.transcripts, report.pending) == (2, 2)
    assert follow(workspace, root).pending == 0
    assert len(stored(workspace)) == 6


def test_transcripts_inside_the_root_are_not_read_as_files_too(workspace, root):
    folder = root / "transcripts"
    Conversation(folder / "a.jsonl", root, session="a").prompt("walrus")
    follow(workspace, root, folder)
    assert found(workspace, "walrus") == ["a-1"]


@pytest.mark.parametrize("of", ["own", "another"])
def test_a_line_without_end_is_never_held_whole(workspace, root, projects, of):
    talk = Conversation(projects / "2026" / "a.jsonl", root if of == "own" else "/elsewhere")
    talk.path.parent.mkdir()
    with talk.path.open("wb") as file:
        file.seek(100_000_000)
        file.write(b"\n")
    talk.prompt("a walrus behind it")
    tracemalloc.start()
    report = follow(workspace, root, projects)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000
    assert (report.turns, report.skipped) == ((1, {}) if of == "own" else (0, {"another project": 1}))


def test_what_was_passed_over_is_counted_by_kind(workspace, root, projects, talk):
    talk.other("progress")
    talk.raw(b"{broken\n")
    follow(workspace, root, projects)
    talk.other("progress")
    follow(workspace, root)
    with workspace.store.snapshot() as snapshot:
        counts = snapshot.session_counts(1)
    assert (counts.sessions, counts.transcripts, counts.turns) == (1, 1, 3)
    assert counts.passed_over == {"progress": 2, "line: broken": 1}
