"""Sessions on the command line."""

import json
import os

import pytest
from conversations import Conversation, encoded

PROMPT = "Why does the walrus wait so long?"


@pytest.fixture
def here(environment, tmp_path):
    """Return a folder with code and a session about it, where Claude Code keeps its transcripts."""
    folder = tmp_path / "home" / "project"
    folder.mkdir()
    (folder / "retry.py").write_text("def retry_delay(attempt):\n    return 2**attempt\n")
    projects = tmp_path / "home" / ".claude" / "projects"
    talk = Conversation(projects / encoded(folder) / "5e55a000-1.jsonl", folder, session="5e55a000-1")
    talk.prompt(PROMPT)
    talk.edit(str(folder / "retry.py"))
    talk.answer("The pause of the walrus had no upper bound.")
    other = Conversation(projects / encoded(folder) / "5e55b000-2.jsonl", folder, session="5e55b000-2", branch="fix")
    other.prompt("Is the penguin a walrus?")
    return folder


@pytest.fixture
def run(instar_command, here):
    """Run `instar` in the folder and return what it printed, as JSON with `as_json`."""

    def command(*arguments, code=0, as_json=False):
        done = instar_command(*arguments, *(["--json"] if as_json else []), cwd=here)
        assert done.returncode == code, (done.stdout, done.stderr)
        return json.loads(done.stdout) if as_json else done

    return command


def turns(answer):
    return {hit["session"]["turn"] for hit in answer["hits"] if hit["session"]}


def test_sessions_are_opted_in_followed_and_taken_back(run):
    run("index")
    assert turns(run("search", "walrus", as_json=True)) == set()
    (report,) = run("index", "--sessions", as_json=True)["roots"]
    assert (report["transcripts"], report["turns"], report["missing_sessions"]) == (2, 4, [])
    assert (report["sessions"]["sessions"], report["sessions"]["turns"]) == (2, 4)
    assert turns(run("search", "walrus", as_json=True)) >= {"5e55a000-1-1", "5e55a000-1-4", "5e55b000-2-1"}
    run("index", "--no-sessions")
    assert turns(run("search", "walrus", as_json=True)) == set()
    assert run("status", as_json=True)["roots"][0]["sessions"] is None


@pytest.mark.parametrize("arguments", [["--sessions", "."], [".", "--sessions"], ["--sessions-from", "{0}", "."]])
def test_options_may_stand_anywhere(run, here, arguments):
    projects = str(here.parent / ".claude" / "projects")
    run("index", *(argument.format(projects) for argument in arguments))
    (root,) = run("status", as_json=True)["roots"]
    assert (root["path"], root["sessions"]["folders"]) == (str(here), [projects])


def test_a_hit_in_a_session_is_cited_by_its_turn(run, here):
    run("index", "--sessions")
    answer = run("search", "upper bound walrus", "--source", "sessions", "--limit", "1", as_json=True)
    (hit,) = answer["hits"]
    assert hit["session"] == {
        "id": "5e55a000-1", "turn": "5e55a000-1-4", "role": "assistant", "timestamp": "2026-02-01T10:04:00+00:00",
        "project": str(here), "branch": "main",
    }  # fmt: skip
    assert (hit["answers"], hit["files"], hit["related_sessions"]) == (PROMPT, ["retry.py"], [])
    shown = run("search", "upper bound walrus", "--source", "sessions", "--limit", "1").stdout.splitlines()
    assert shown[0].startswith("session 5e55a000 · assistant · 2026-02-01 ")
    assert f" · main · {here}  [" in shown[0]
    assert shown[1].startswith("  turn 5e55a000-1-4  /")
    assert shown[2:4] == [f"  answers: {PROMPT}", "  files: retry.py"]


def test_a_hit_in_a_file_names_the_sessions_that_touched_it(run):
    run("index", "--sessions")
    (hit,) = run("search", "retry_delay", "--source", "code", as_json=True)["hits"]
    assert (hit["session"], hit["answers"], hit["files"]) == (None, None, [])
    assert hit["related_sessions"] == [
        {"session": "5e55a000-1", "turn": "5e55a000-1-2", "timestamp": "2026-02-01T10:02:00+00:00", "action": "edit"}
    ]
    shown = run("search", "retry_delay", "--source", "code").stdout.splitlines()
    assert shown[1].startswith("  touched by sessions: 5e55a000 edit 2026-02-01 ")


@pytest.mark.parametrize("mode", ["lexical", "vector"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--session", "5e55b000-2"], {"5e55b000-2-1"}),
        (["--session", "5e55b"], {"5e55b000-2-1"}),
        (["--branch", "fix"], {"5e55b000-2-1"}),
        (["--role", "assistant"], {"5e55a000-1-4"}),
        (["--role", "user", "--branch", "main"], {"5e55a000-1-1"}),
        (["--project", "project", "--role", "user"], {"5e55a000-1-1", "5e55b000-2-1"}),
        (["--project", "**/proj*", "--role", "user"], {"5e55a000-1-1", "5e55b000-2-1"}),
        (["--project", "other"], set()),
        (["--since", "2026-02-01T10:04:00+00:00"], {"5e55a000-1-4"}),
        (["--until", "2026-01-30"], set()),
        (["--until", "2026-02-02", "--role", "assistant"], {"5e55a000-1-4"}),
        (["--source", "sessions", "--role", "user", "--branch", "fix"], {"5e55b000-2-1"}),
        (["--source", "code", "--role", "user"], set()),
    ],
)
def test_filters(run, mode, options, expected):
    run("index", "--sessions")
    answer = run("search", "walrus", "--mode", mode, *options, as_json=True)
    assert all(hit["session"] for hit in answer["hits"])
    assert turns(answer) == expected
    assert ("no document that is indexed fits" in (answer["degraded"] or "")) is not bool(expected)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "x", "--session", "77"], "no session begins with '77'"),
        (["search", "x", "--session", "5e55"], "2 sessions begin with '5e55'"),
        (["search", "x", "--since", "yesterday"], "--since 'yesterday' is no point in time"),
        (["search", "x", "--until", "7"], "--until '7' is no point in time"),
        (["search", "x", "--project", "../x"], "leaves the root"),
        (["index", "--project", "x"], "none are asked for"),
        (["index", "--no-sessions", "--sessions-from", "."], "reads no sessions"),
        (["index", "--sessions-from", "nowhere"], "nowhere is not there"),
        (["index", "--sessions-from", "/"], "home folder"),
        (["index", "--sessions", "--project", ""], "glob is empty"),
        (["index", "--sessions", "../.claude/projects"], "holds transcripts; read them as sessions: --sessions-from"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, said):
    run("index", "--sessions")
    done = run(*arguments, code=2)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_only_looks_like_transcripts_is_no_reason_to_refuse_a_root(run, here, tmp_path):
    tests = here / "tests"
    (tests / "folder.jsonl").mkdir(parents=True)
    (tests / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tests / "pipe.jsonl")
    Conversation(tests / "fixture.jsonl", "/elsewhere").prompt("an example")
    run("index", "--yes", "--sessions", ".", "tests")


@pytest.mark.parametrize("inside", ["", "x/2026"])
def test_folders_of_transcripts_are_no_roots_of_sessions(run, here, environment, inside):
    environment["CODEX_HOME"] = str(here / "codex")
    (here / "copied").mkdir()
    for kept in ("codex/sessions", "codex/archived_sessions", "copied"):
        folder = here / kept / inside
        folder.mkdir(parents=True, exist_ok=True)
        done = run("index", "--yes", "--sessions-from", str(here / "copied"), str(folder), code=2)
        assert "read them as sessions" in done.stderr


def test_what_there_was_no_time_to_look_at_is_said(run, here, environment):
    run("index", "--sessions")
    assert run("search", "walrus", as_json=True)["degraded"] is None
    environment["INSTAR_REFRESH_SECONDS"] = "0.000001"
    assert f"no time to look at all of {here}" in run("search", "walrus", as_json=True)["degraded"]


def test_archived_sessions_of_codex_are_read_too(run, here, environment):
    environment["CODEX_HOME"] = str(here.parent / "codex")
    Conversation(here.parent / "codex" / "archived_sessions" / "a.jsonl", here, session="a").prompt("a narwhal")
    run("index", "--sessions")
    assert turns(run("search", "narwhal", "--source", "sessions", "--mode", "lexical", as_json=True)) == {"a-1"}


def test_where_no_agent_keeps_sessions_it_is_said(run, here, environment):
    environment["CLAUDE_CONFIG_DIR"] = str(here.parent / "nothing")
    assert "there are no sessions" in run("index", "--sessions", code=2).stderr
    environment["CODEX_HOME"] = str(here.parent / "codex")
    (here.parent / "codex" / "sessions").mkdir(parents=True)
    run("index", "--sessions")
    assert run("status", as_json=True)["roots"][0]["sessions"]["folders"] == [str(here.parent / "codex" / "sessions")]


def test_status_counts_sessions_and_what_was_passed_over(run, here):
    talk = Conversation(here.parent / ".claude" / "projects" / "elsewhere" / "x.jsonl", "/elsewhere")
    talk.prompt("private")
    run("index", "--sessions")
    (root,) = run("status", as_json=True)["roots"]
    assert root["skipped"] == {"another project": 1}
    assert {key: root["sessions"][key] for key in ("sessions", "transcripts", "turns", "projects", "passed_over")} == {
        "sessions": 2, "transcripts": 2, "turns": 4, "projects": [], "passed_over": {},
    }  # fmt: skip
    assert "2 sessions in 2 transcripts, 4 turns" in run("status").stdout


def test_what_a_transcript_holds_does_not_steer_the_terminal(run, here):
    projects = here.parent / ".claude" / "projects"
    talk = Conversation(projects / "x" / "x.jsonl", here, session="\x1b[31m-1", branch="\x1b]0;title\x07")
    talk.prompt("narwhal \x1b[2J")
    talk.edit("\x1b[31mred.py")
    talk.answer("narwhal again")
    run("index", "--sessions")
    shown = run("search", "narwhal").stdout
    assert "narwhal again" in shown
    assert not {"\x1b", "\x07"} & set(shown)
