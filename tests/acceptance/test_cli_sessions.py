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
    assert root["path"] == str(here)
    assert projects in root["sessions"]["folders"]


# What is chosen, and what becomes of what was chosen before


@pytest.fixture
def chosen(run, here):
    """Index with some options and return (folders, globs) of what is chosen then."""

    def choose(*arguments):
        facts = run("index", *arguments, as_json=True)["roots"][0]["sessions"]
        return facts["folders"], facts["projects"]

    return choose


def test_each_option_replaces_its_own_part_of_the_choice(run, chosen, here):
    usual = [str(here.parent / name) for name in (".claude/projects", ".codex/archived_sessions", ".codex/sessions")]
    other = here.parent / "talks"
    Conversation(other / "x.jsonl", here, session="x").prompt("From elsewhere")
    assert chosen("--sessions", "--project", "**/pro*") == (usual, ["**/pro*"])
    assert chosen("--sessions") == (usual, ["**/pro*"])
    assert chosen("--sessions-from", str(other)) == ([str(other)], ["**/pro*"])
    assert chosen("--project", "**/project", "--project", "**/app") == ([str(other)], ["**/project", "**/app"])
    assert chosen("--sessions") == ([str(other)], ["**/project", "**/app"])
    assert chosen() == ([str(other)], ["**/project", "**/app"])
    run("index", "--no-sessions")
    assert chosen("--sessions") == (usual, [])


def test_an_agent_that_comes_into_use_later_is_followed(run, here, environment):
    assert "note" not in run("index", "--sessions").stderr
    later = Conversation(here.parent / ".codex" / "sessions" / "2026" / "x.jsonl", here, session="5e55c000-3")
    later.prompt("narwhal")
    done = run("search", "narwhal", "--source", "sessions")
    assert "5e55c000" in done.stdout
    assert "note" not in done.stderr
    (here.parent / ".codex").rename(here.parent / "elsewhere")
    assert ".codex/sessions is not there" in run("search", "narwhal").stderr


def test_removed_counts_the_transcripts_that_went(run, here):
    projects = here.parent / ".claude" / "projects"
    for name in ("a", "b"):
        Conversation(projects / "elsewhere" / f"{name}.jsonl", "/elsewhere", session=name).prompt("private")

    def removed(*arguments):
        return run("index", *arguments, as_json=True)["roots"][0]["removed"]

    assert removed("--sessions") == 0
    (projects / "elsewhere" / "a.jsonl").unlink()
    assert removed() == 0
    (projects / encoded(here) / "5e55b000-2.jsonl").unlink()
    assert removed() == 1
    assert removed("--project", "/elsewhere") == 1
    assert removed("--project", str(here)) == 1
    assert removed("--no-sessions") == 1
    assert removed("--no-sessions") == 0


def test_where_no_session_belongs_to_the_root_it_is_said_what_to_do(run, here, tmp_path):
    talks = tmp_path / "talks"
    for name in ("a", "b"):
        Conversation(talks / "x" / f"{name}.jsonl", "/trees/app-1", session=name).prompt("walrus")
    done = run("index", "--sessions-from", str(talks))
    assert f"note: no session belongs to {here}, 2 transcripts (or folders of them) to other projects" in done.stderr
    assert "--project GLOB" in done.stderr
    assert "note" not in run("index", "--project", "**/app-*").stderr


def test_a_hit_in_a_session_is_cited_by_its_turn(run, here):
    run("index", "--sessions")
    answer = run("search", "upper bound walrus", "--source", "sessions", "--limit", "1", as_json=True)
    (hit,) = answer["hits"]
    assert hit["session"] == {
        "id": "5e55a000-1", "turn": "5e55a000-1-4", "role": "assistant", "timestamp": "2026-02-01T10:04:00+00:00",
        "project": str(here), "branch": "main", "agent": None,
    }  # fmt: skip
    assert (hit["answers"], hit["files"], hit["related_sessions"]) == (PROMPT, ["retry.py"], [])
    shown = run("search", "upper bound walrus", "--source", "sessions", "--limit", "1").stdout.splitlines()
    assert shown[0].startswith("session 5e55a000 · assistant · 2026-02-01 ")
    assert f" · main · {here}  [" in shown[0]
    assert shown[1].startswith("  turn 5e55a000-1-4  /")
    assert shown[2:4] == [f"  answers: {PROMPT}", "  files: retry.py"]


def test_a_hit_in_the_transcript_of_a_sub_agent_names_it(run, here):
    folder = here.parent / ".claude" / "projects" / encoded(here) / "5e55a000-1" / "subagents"
    talk = Conversation(folder / "agent-a1b2.jsonl", here, session="5e55a000-1", agent="a1b2")
    talk.prompt("Look for the narwhal.")
    run("index", "--sessions")
    (hit,) = run("search", "narwhal", "--source", "sessions", "--limit", "1", as_json=True)["hits"]
    assert (hit["session"]["id"], hit["session"]["agent"]) == ("5e55a000-1", "a1b2")


def test_a_readable_hit_is_short_and_says_where_it_is_cut(run, here):
    talk = Conversation(here.parent / ".claude" / "projects" / encoded(here) / "x.jsonl", here, session="5e55c000-3")
    talk.prompt("Where is the narwhal?")
    for name in "abcde":
        talk.edit(str(here / f"{name}.py"))
    talk.answer("# The narwhal\n\n" + "The narwhal swims. " * 20)
    run("index", "--sessions")
    first, *lines = run("search", "narwhal", "--role", "assistant", "--limit", "1").stdout.splitlines()
    assert first.endswith(f" · main · {here}  [text #1 vector #1]")
    assert "  files: a.py, b.py, c.py and 2 more" in lines
    (long,) = (line for line in lines if "swims" in line)
    assert long.endswith("…")
    assert len(long.strip("> ")) == 160
    assert run("search", "narwhal", "--role", "assistant", "--limit", "1", as_json=True)["hits"][0]["symbol"]


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
        (["search", "x", "--session", "77"], "no session begins with '77'; hits of `--source sessions` name"),
        (["search", "x", "--source", "code", "--role", "user"], "--role asks for sessions, --source code for files"),
        (["search", "x", "--source", "docs", "--since", "7d"], "--since asks for sessions, --source docs for files"),
        (["search", "x", "--since", "2026-02-02", "--until", "2026-02-01"], "--since is not before --until"),
        (["search", "x", "--since", "1d", "--until", "2d"], "--since is not before --until"),
        (["search", "x", "--session", "5e55"], "2 sessions begin with '5e55'"),
        (["search", "x", "--since", "yesterday"], "--since 'yesterday' is no point in time"),
        (["search", "x", "--until", "7"], "--until '7' is no point in time"),
        (["search", "x", "--project", "../x"], "--project '../x' names no folder"),
        (["index", "--no-sessions", "--sessions-from", "."], "reads no sessions"),
        (["index", "--sessions-from", "nowhere"], "nowhere is not there"),
        (["index", "--sessions-from", "/"], "home folder"),
        (["index", "--sessions", "--project", ""], "--project is empty"),
        (["search", "x", "--project", ""], "--project is empty"),
        (["index", "--sessions", "../.claude/projects"], "holds transcripts; read them as sessions: --sessions-from"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, said):
    run("index", "--sessions")
    done = run(*arguments, code=2)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--branch", "main2"], "fits --branch main2"),
        (["--branch", "main", "--project", "projekt"], "fits --project projekt"),
        (["--repo", "nothing", "--source", "code"], "fits --repo nothing"),
        (["--language", "rust"], "fits --language rust"),
        (["--branch", "fix", "--role", "assistant"], "fits the path and the filters"),
        ([".", "--path", "nowhere/**", "--branch", "fix"], "fits the path and the filters"),
    ],
)
def test_a_filter_that_fits_nothing_is_named(run, options, said):
    run("index", "--sessions")
    answer = run("search", "walrus", *options, as_json=True)
    assert (answer["hits"], answer["degraded"]) == ([], f"no document that is indexed {said}")


@pytest.mark.parametrize(
    "options",
    [["--source", "sessions"], ["--role", "user"], ["--branch", "main"], ["--project", "x"], ["--since", "7d"]],
)
def test_filters_for_sessions_say_that_none_are_read(run, here, options):
    other = here.parent / "other"
    other.mkdir()
    run("index", str(other), "--yes", "--sessions")
    run("index")
    answer = run("search", "walrus", *options, as_json=True)
    assert answer["hits"] == []
    assert answer["degraded"] == "no sessions are read for this folder: `instar index --sessions` reads them"


def test_a_session_is_named_among_those_of_the_roots_that_are_searched(run, here):
    other = here.parent / "other"
    other.mkdir()
    (other / "x.md").write_text("# Other\n")
    talk = Conversation(here.parent / ".claude" / "projects" / encoded(other) / "x.jsonl", other, session="5e55a999-9")
    talk.prompt("walrus elsewhere")
    run("index", "--sessions")
    run("index", str(other), "--sessions")
    assert turns(run("search", "walrus", "--session", "5e55a", "--role", "user", as_json=True)) == {"5e55a000-1-1"}
    assert turns(run("search", "walrus", str(other), "--session", "5e55a", as_json=True)) == {"5e55a999-9-1"}
    said = run("search", "walrus", "--session", "5e55a9", code=2).stderr
    assert f"but one of {other}" in said
    assert "--everywhere" in said
    assert turns(run("search", "walrus", "--session", "5e55a9", "--everywhere", as_json=True)) == {"5e55a999-9-1"}
    assert "2 sessions begin with" in run("search", "walrus", "--session", "5e55a", "--everywhere", code=2).stderr
    run("index", "--no-sessions")
    said = run("search", "walrus", "--session", "77", code=2).stderr
    assert "none are read of this folder; `instar index --sessions` reads them" in said


@pytest.mark.parametrize("command", [[], ["search"]])
def test_help_speaks_of_sessions(run, command):
    assert "essions with coding agents" in " ".join(run(*command, "--help").stdout.split())


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
    assert str(here.parent / "codex" / "sessions") in run("status", as_json=True)["roots"][0]["sessions"]["folders"]


def test_projects_are_not_named_where_no_sessions_are_asked_for(run):
    run("index")
    assert "none are asked for" in run("index", "--project", "x", code=2).stderr


def test_status_counts_sessions_and_what_was_passed_over(run, here):
    talk = Conversation(here.parent / ".claude" / "projects" / "elsewhere" / "x.jsonl", "/elsewhere")
    talk.prompt("private")
    run("index", "--sessions")
    (root,) = run("status", as_json=True)["roots"]
    assert root["skipped"] == {"another project": 1}
    assert {key: root["sessions"][key] for key in ("sessions", "transcripts", "turns", "projects", "passed_over")} == {
        "sessions": 2, "transcripts": 2, "turns": 4, "projects": [], "passed_over": {},
    }  # fmt: skip
    shown = run("status").stdout.splitlines()
    assert f"  sessions from {here.parent / '.claude' / 'projects'}" in "\n".join(shown)
    assert "  2 sessions in 2 transcripts, 4 turns" in shown


def test_records_passed_over_are_one_figure_and_a_list_in_json(run, here):
    talk = Conversation(here.parent / ".claude" / "projects" / encoded(here) / "x.jsonl", here, session="5e55c000-3")
    talk.prompt("narwhal")
    for kind in ["progress"] * 1_200 + ["mode"]:
        talk.other(kind)
    said = "3 sessions in 3 transcripts, 5 turns; 1,201 records passed over, --json lists them"
    assert said in run("index", "--sessions", "--project", str(here)).stdout
    status = run("status").stdout
    assert said in status
    assert f", of projects {here}\n" in status
    (root,) = run("status", as_json=True)["roots"]
    assert root["sessions"]["passed_over"] == {"progress": 1_200, "mode": 1}


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
