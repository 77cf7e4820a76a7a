"""A transcript that grows: read in parts, wherever it is cut, it gives the turns of one reading."""

import json
from collections.abc import Sequence

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
    output,
    raw,
    read_bytes,
    result,
    text,
    user,
)

from instar.domain.sessions import Resume, Transcript, Turn

CLAUDE = raw(
    [
        {"type": "file-history-snapshot", "messageId": "m"},
        user("u1", "Why?"),
        assistant("a1", [{"type": "thinking", "thinking": "hm"}], "u1", message="m1"),
        assistant("a2", [text("One.")], "a1", message="m1"),
        assistant("a3", [text("Two."), call("t1", "Read", file_path="a.py")], "a2", message="m1"),
        claude("progress", "p1", "a3"),
        {"type": "ai-title", "aiTitle": "A title"},
        user("r1", [result("t1", "text")], "a3", gitBranch="fix"),
        assistant("a4", [call("t2", "Bash", command="make"), call("t3", "Bash", command="x")], "r1", message="m2"),
        {"type": "queue-operation", "operation": "enqueue", "content": "also this"},
        user("r3", [result("t3", "no such file", failed=True)], "a4"),
        assistant("a5", [text("Between.")], "r3", message="m3"),
        user("r2", [result("t2", "1 failed"), text("also this")], "a4"),
        b"",
        b"broken {",
        assistant("a6", [text("Three.")], "r2", message="m4"),
        user("u1", "Why?"),
        assistant("a7", [call("t4", "Task", prompt="c " * 750)], "a6", message="m5"),
        user("r4", [result("t4", "ok")], "a7"),
        assistant("a8", [call("t5", "Write", file_path="b.py", content="d")], "r4", message="m6"),
        user("r5", [result("t5", "ok"), text("Stop there.")], "a8"),
        {"type": "ai-title", "aiTitle": "A title"},
        claude("system", "b1", None, subtype="compact_boundary", logicalParentUuid="a8"),
        user("c1", "This session is being continued.", "b1", isCompactSummary=True),
        assistant("a11", [text("Héllo \U0001f600")], "c1"),
        {"type": "summary", "summary": "All of it", "leafUuid": "a11"},
        {"type": "queue-operation", "operation": "enqueue", "content": "behind a border"},
        user("u2", "Thanks", "unknown"),
    ]
)
CODEX = raw(
    [
        header(),
        message("user", "<environment_context>\n<cwd>/else</cwd>\n</environment_context>"),
        message("user", "Why?"),
        event("user_message", message="Why?"),
        event("agent_message", message="One."),
        message("assistant", "One."),
        function("c1", "shell", command=["cat", "a.py"]),
        function("c2", "shell", command=["make"]),
        codex("turn_context", cwd="/third"),
        output("c2", json.dumps({"output": "1 failed", "metadata": {"exit_code": 2}})),
        output("c1", "text"),
        item("web_search_call", action={"type": "search", "query": "q"}),
        codex("compacted", message="We went on."),
        message("user", "Why?"),
        event("user_message", message="Why?"),
        event("agent_message", message="Two."),
        function("c3", "shell", command=["bash", "-lc", "sed -n 1p b.py"]),
        message("assistant", "Two."),
        message("assistant", "Three."),
        output("c3", "late"),
        message("assistant", "Three."),
        function("c4", "apply_patch", input="*** Begin Patch\n*** Add File: a\n+b\n*** End Patch"),
        event("patch_apply_end", call_id="c4", status="completed"),
        output("c4", "done"),
    ]
)  # fmt: skip


def in_parts(data: bytes, cuts: Sequence[int]) -> Transcript:
    """Read what is there at each cut, from where the reading before left off, and put the turns together."""
    resume: Resume | None = None
    turns: tuple[Turn, ...] = ()
    for end in [*cuts, len(data)]:
        part = read_bytes(data[:end], resume)
        line = resume.line if resume else 0
        assert part.resume.offset <= end
        assert data[: part.resume.offset].count(b"\n") == part.resume.line
        turns = (*(turn for turn in turns if turn.first_line <= line), *part.turns)
        resume = part.resume
    return Transcript(part.session, part.agent, part.folder, turns, part.resume, part.passed_over)


@pytest.mark.parametrize("data", [CLAUDE, CODEX], ids=["claude", "codex"])
def test_a_cut_at_any_byte_changes_nothing(data):
    whole = read_bytes(data)
    assert whole.turns
    for cut in range(len(data) + 1):
        assert in_parts(data, [cut]) == whole, cut


@pytest.mark.parametrize("data", [CLAUDE, CODEX], ids=["claude", "codex"])
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_many_cuts_change_nothing(data, draw):
    cuts = draw.draw(st.lists(st.integers(0, len(data)), min_size=2, max_size=8).map(sorted))
    assert in_parts(data, cuts) == read_bytes(data)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_cuts_change_nothing_in_whatever_order_records_come(draw):
    lines = [*CLAUDE.splitlines(keepends=True), *CODEX.splitlines(keepends=True)]
    chosen = draw.draw(st.lists(st.sampled_from(lines), max_size=25))
    data = b"".join(chosen)
    ends = [len(b"".join(chosen[:count])) for count in range(len(chosen) + 1)]
    cuts = draw.draw(st.lists(st.sampled_from(ends), max_size=4).map(sorted))
    assert in_parts(data, cuts) == read_bytes(data)


def test_reading_goes_on_near_the_end():
    data = raw([user("u0", "go"), *(assistant(f"a{number}", [text(f"answer {number}")]) for number in range(500))])
    assert read_bytes(data).resume.line == 500


def test_a_line_that_is_not_complete_yet_is_not_broken():
    data = raw([user("u1", "first"), assistant("a1", [text("second")])])
    part = read_bytes(data[:-30])
    assert part.passed_over == {"line: incomplete": 1}
    assert [turn.text for turn in part.turns] == ["first"]


def test_a_last_line_without_a_line_feed_is_read_but_not_final():
    data = raw([user("u1", "first"), assistant("a1", [text("second")])])
    part = read_bytes(data[:-1])
    assert [turn.text for turn in part.turns] == ["first", "second"]
    assert part.resume.line < 2


def test_reading_waits_for_a_result_but_not_for_ever():
    start = [user("u1", "go"), assistant("a1", [call("t1", "Bash", command="make")])]
    progress = [claude("progress", f"p{number}") for number in range(1_100)]
    more = [assistant(f"b{number}", [text("on")]) for number in range(3)]
    late = [user("r1", [result("t1", "1 failed")])]
    waiting = read_bytes(raw([*start, *progress[:900], *more]))
    assert waiting.resume.line == 1
    assert read_bytes(raw([*start, *progress[:900], *more, *late])).turns[1].text == "Bash: make\n1 failed"
    given_up = read_bytes(raw([*start, *progress, *more, *late]))
    assert given_up.resume.line > 1_000
    assert given_up.turns[1].text == "Bash: make"
    assert given_up.passed_over["result: no call"] == 1


def overlapping(count: int) -> list[object]:
    """Return calls of which the next always comes before the result of the one before."""
    records: list[object] = [user("u1", "go"), assistant("a0", [call("t0", "Read", file_path="/x0")])]
    for number in range(1, count):
        records += [
            assistant(f"a{number}", [call(f"t{number}", "Read", file_path=f"/x{number}")]),
            user(f"r{number}", [result(f"t{number - 1}", "text")]),
        ]
    return records


def test_reading_goes_on_where_calls_always_overlap():
    whole = read_bytes(raw(overlapping(3_000)))
    assert whole.resume.line > 5_999 - 1_010
    files = [touch.path for turn in whole.turns for touch in turn.touches]
    assert len(files) == len(set(files)) > 2_985
    assert in_parts(raw(overlapping(3_000)), range(1_000, 300_000, 7_919)) == whole


@given(st.lists(st.integers(0, 2_300), max_size=6).map(sorted), st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_cuts_change_nothing_where_reading_goes_on_with_open_calls(lines, inside):
    rows = raw(overlapping(1_150)).splitlines(keepends=True)
    data = b"".join(rows)
    cuts = [min(len(b"".join(rows[:line])) + inside, len(data)) for line in lines]
    assert in_parts(data, cuts) == read_bytes(data)


def test_a_run_goes_on_for_a_thousand_lines_at_most():
    start = [assistant("a1", [call("t1", "LS", path="/x")]), user("r1", [result("t1", "")])]
    more = [assistant("a2", [call("t2", "LS", path="/y")]), user("r2", [result("t2", "")])]
    progress = [claude("progress", f"p{number}") for number in range(1_000)]
    assert len(read_bytes(raw([*start, *progress[:900], *more])).turns) == 1
    assert len(read_bytes(raw([*start, *progress, *more])).turns) == 2


def test_the_state_stays_small():
    records: list[object] = []
    for number in range(2_000):
        uuid = f"01234567-89ab-cdef-0123-{number:012}"
        records += [
            user(uuid, f"prompt {number}"),
            {"type": "queue-operation", "operation": "enqueue", "content": f"q{number}"},
        ]
    assert len(read_bytes(raw(records)).resume.state) < 20_000
    prompts = [message("user", f"prompt {number}") for number in range(2_000)]
    assert len(read_bytes(raw(prompts)).resume.state) < 20_000
