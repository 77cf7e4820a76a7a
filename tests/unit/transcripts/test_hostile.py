"""Both formats are unstable and a file can hold anything: nothing in it may stop the reading."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcript_records import (
    assistant,
    call,
    claude,
    codex,
    event,
    function,
    header,
    item,
    message,
    only,
    output,
    raw,
    read,
    read_bytes,
    result,
    text,
    user,
)

from instar.domain.sessions import LONGEST_LINE
from instar.transcripts import folder_of, read_transcript

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
PATCH = "*** Begin Patch\n*** Add File: a\n+b\n*** End Patch"
TOOLS = [
    "Bash",
    "shell",
    "Read",
    "Edit",
    "MultiEdit",
    "Write",
    "Grep",
    "Task",
    "TodoWrite",
    "AskUserQuestion",
    "WebFetch",
    "ExitPlanMode",
    "apply_patch",
    "update_plan",
    "mcp__x__y",
    "mcp__instar__search",
]
FIELDS: dict[str, object] = {
    "command": "cat a",
    "file_path": "a",
    "content": "b",
    "todos": [{"content": "c"}],
    "edits": [{"new_string": "d"}],
    "questions": [{"question": "e", "options": [{"label": "f"}]}],
    "plan": [{"step": "g"}],
    "input": PATCH,
}
RECORDS = [
    user("u1", [text("hello"), {"type": "image"}]),
    assistant("a1", [text("hello"), *(call(name, name, **FIELDS) for name in TOOLS)]),
    user("r1", [result(name, [text("an error")], failed=name < "S") for name in TOOLS]),
    claude("attachment", "t1", attachment={"type": "queued_command", "prompt": ["p"], "origin": {"kind": "human"}}),
    claude("system", "s1", subtype="x"),
    {"type": "summary", "summary": "s", "leafUuid": "u1"},
    {"type": "ai-title", "aiTitle": "t"},
    {"type": "queue-operation", "operation": "enqueue", "content": "q"},
    header(source={"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}),
    codex("turn_context", cwd="/x"),
    codex("compacted", message="m"),
    event("item_completed", item={"type": "Plan", "text": "p"}),
    message("user", "hello"),
    message("assistant", "hello"),
    event("user_message", message="hello"),
    *(function(name, name, **FIELDS) for name in TOOLS),
    event("patch_apply_end", call_id="apply_patch", status="completed", success=True),
    *(output(name, json.dumps({"output": "x", "metadata": {"exit_code": 1}})) for name in TOOLS),
    output("l", {"content": "Exit code: 0\nOutput:\nx", "success": True}),
    item("web_search_call", id="w", action={"type": "search", "query": "q"}),
    item("local_shell_call", call_id="l", action={"command": ["cat", "a"], "working_directory": "/x"}),
    item("reasoning", summary=[{"text": "r"}], content=[{"text": "r"}]),
]


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to all values inside a value of JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def replaced(value: object, path: tuple[Any, ...], new: object) -> object:
    """Return the value with another one in that place."""
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: replaced(value[path[0]], path[1:], new)}
    assert isinstance(value, list)
    return [*value[: path[0]], replaced(value[path[0]], path[1:], new), *value[path[0] + 1 :]]


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_any_value_in_any_place_is_read(data):
    records: list[object] = list(RECORDS)
    for _ in range(3):
        number = data.draw(st.integers(0, len(records) - 1))
        place = data.draw(st.sampled_from(places(records[number])))
        records[number] = replaced(records[number], place, data.draw(ANYTHING))
    transcript = read(*records, thinking=True)
    stored = json.dumps(
        [[turn.id, turn.text, turn.folder, turn.answers] for turn in transcript.turns], ensure_ascii=False
    )
    assert stored.encode("utf-8")
    assert all(turn.text.strip() for turn in transcript.turns)
    folder_of(raw(records).splitlines(keepends=True))


@given(st.lists(ANYTHING, max_size=8))
def test_any_json_is_read(values):
    read(*values)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data):
    read_bytes(data)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"type":"user","message":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"type":"user","n":' + b"9" * 10_000 + b"}",
        b"NaN",
        b"\x00\x00\x00{",
        b'\xef\xbb\xbf{"type":"mode"}',
        b'{"timestamp":"9999-12-31T23:59:59-23:59","type":"user","message":"hello there"}',
        b'{"timestamp":"0001-01-01T00:00:00+14:00","type":"user","message":"hello there"}',
    ],
)
def test_strange_lines_are_read(line):
    assert sum(read(line).passed_over.values()) + len(read(line).turns) >= 1


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00", 1),
        ("9999-12-31T23:59:59Z", 9999),
    ],
)
def test_a_time_can_be_shown(moment, year):
    at = only(read(user("u1", "go", timestamp=moment))).at
    assert (datetime.fromtimestamp(at, UTC).year if at is not None else None) == year


LONG = "a" * 1_000_000
LONG_RECORDS = [
    user(LONG, "go", sessionId=LONG, cwd=f"/{LONG}", gitBranch=LONG, isSidechain=True, agentId=LONG),
    assistant("a1", [text("hello")], LONG, sessionId=LONG, cwd=f"/{LONG}", gitBranch=LONG, message=LONG),
    assistant("a2", [call(LONG, LONG, file_path=LONG, description=LONG)]),
    assistant("a3", [call("t1", f"mcp__instar__{LONG}"), call("t2", "Bash", command="make", description=LONG)]),
    user("r1", [result(LONG, "ok")]),
    {"type": "custom-title", "customTitle": "word " * 200_000},
    header(id=LONG, session_id=LONG, cwd=f"/{LONG}", git={"branch": LONG}),
    header(id="c1", session_id=LONG, cwd=f"/{LONG}", git={"branch": LONG}),
    codex("turn_context", cwd=f"/{LONG}"),
    message("user", f"<environment_context>\n<cwd>/{LONG}</cwd>\n</environment_context>"),
    function(LONG, LONG, workdir=LONG, cmd="cat a.py"),
    function("c1", "exec_command", workdir=LONG, cmd="cat a.py"),
    output("c1", "text"),
    output(LONG, "text"),
]


@pytest.mark.parametrize("records", [LONG_RECORDS, *([record] for record in LONG_RECORDS)])
def test_ids_folders_branches_and_titles_are_bounded(records):
    transcript = read(*records)
    assert len(json.dumps(asdict(transcript))) < 50_000
    assert all(len(turn.id) < 300 and len(turn.branch) <= 200 for turn in transcript.turns)
    assert len(folder_of(raw(records).splitlines(keepends=True)) or "") <= 4_096


def test_a_line_beyond_bounds_is_counted():
    line = b'{"type":"user","message":"' + b"a" * LONGEST_LINE + b'"}'
    assert read(line, user("u1", "go")).passed_over == {"line: too long": 1}


def test_a_line_in_pieces_is_one_line():
    beginning, end = raw([user("u1", "before"), assistant("a1", [text("before too")])]), raw([user("u2", "behind")])
    line = b"a" * (LONGEST_LINE + 1)
    pieces = [*beginning.splitlines(keepends=True), line, line, b'{"cwd": "/elsewhere"}\n', end]
    found = read_transcript(pieces, "s1.jsonl", redact=str)
    assert [(turn.text, turn.first_line) for turn in found.turns] == [("before", 1), ("before too", 2), ("behind", 4)]
    assert found.passed_over == {"line: too long": 1}
    assert found.resume.offset == len(b"".join(pieces)) - len(end)
    assert found.resume.line == 3
    assert folder_of(pieces[2:5]) is None


def test_kinds_that_are_told_apart_are_bounded():
    kinds = read(*({"type": f"kind-{number}"} for number in range(1_000))).passed_over
    assert sum(kinds.values()) == 1_000
    assert len(kinds) < 300


@pytest.mark.parametrize(
    "words",
    [
        "<system-reminder>" * 100_000,
        "a/" * 500_000,
        "/a" * 500_000,
        "a" * 2_000_000,
        "error " * 300_000,
        "'" * 1_000_000,
        "a\\" * 500_000,
        '"\\' * 500_000,
        "*** Begin Patch\n" + "*** Add File: a\n" * 50_000,
        "Process exited with code: 1\n" * 50_000,
        "A: \n" * 500_000,
        "A" * 2_000_000,
        "Wall time: " * 200_000,
        "0 " * 500_000,
        "<cwd>" * 300_000,
        "(" * 1_000_000,
    ],
)
def test_long_texts_take_no_more_than_their_length(words):
    """Any step of square cost would take hours here."""
    transcript = read(
        user("u1", words + "\nend"),
        assistant("a1", [call("t1", "Bash", command=words)]),
        user("r1", [result("t1", words)]),
        message("user", f"<environment_context>{words}"),
        message("user", words + "\nend"),
        function("c1", "exec_command", cmd=words),
        output("c1", words),
        function("c2", "apply_patch", input=words),
        output("c2", [{"type": "input_text", "text": words}]),
    )
    assert 4 <= len(transcript.turns) <= 5


def test_many_calls_take_no_more_than_their_number():
    calls = [call(f"t{number}", "") for number in range(50_000)]
    assert len(read(assistant("a1", calls), assistant("a2", [call("", "")] * 50_000)).turns) > 100
