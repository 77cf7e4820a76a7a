"""What becomes of each kind of record of Claude Code."""

from datetime import UTC, datetime

import pytest
from transcript_records import FOLDER, assistant, call, claude, only, read, result, text, told, user

from instar.domain.sessions import Role, Turn
from instar.transcripts import folder_of


def test_a_prompt_and_its_answer_are_turns():
    transcript = read(user("u1", "Why does it fail?"), assistant("a1", [text("Because of the lock.")], "u1"))
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC).timestamp()
    assert transcript.turns == (
        Turn("u1", Role.USER, "Why does it fail?", 1, 1, at, "main", FOLDER),
        Turn("a1", Role.ASSISTANT, "Because of the lock.", 2, 2, at, "main", FOLDER, "u1"),
    )
    assert (transcript.session, transcript.agent, transcript.folder) == ("s1", "", FOLDER)
    assert transcript.passed_over == {}


def test_texts_of_one_message_are_one_turn_and_those_of_another_are_not():
    transcript = read(
        assistant("a1", [text("one")], message="m1"),
        assistant("a2", [text("two")], "a1", message="m1"),
        assistant("a3", [text("three")], "a2", message="m2"),
    )
    assert told(transcript) == [("assistant", "one\n\ntwo"), ("assistant", "three")]
    assert [(turn.id, turn.first_line, turn.last_line) for turn in transcript.turns] == [("a1", 1, 2), ("a3", 3, 3)]


def test_calls_between_two_texts_are_one_turn_with_their_results():
    transcript = read(
        assistant("a1", [text("Let me look.")], message="m1"),
        assistant("a2", [call("t1", "Grep", pattern="lock", path="src")], "a1", message="m1"),
        user("r1", [result("t1", "src/a.py:1:lock")], "a2"),
        assistant("a3", [call("t2", "Bash", command="make test")], "r1", message="m2"),
        user("r2", [result("t2", "ok\n2 failed: test_lock")], "a3"),
        assistant("a4", [text("Two fail.")], "r2", message="m3"),
    )
    assert told(transcript) == [
        ("assistant", "Let me look."),
        ("tool", "Grep: lock src\nBash: make test\n2 failed: test_lock"),
        ("assistant", "Two fail."),
    ]
    assert [(turn.first_line, turn.last_line) for turn in transcript.turns] == [(1, 1), (2, 5), (6, 6)]


def test_parts_of_one_record_have_ids_of_their_own():
    transcript = read(assistant("a1", [text("Now."), call("t1", "LS", path="/x"), text("Then."), call("t2", "LS")]))
    assert [turn.id for turn in transcript.turns] == ["a1", "a1/1", "a1/2", "a1/3"]


def test_a_record_without_an_id_gets_one_that_stays():
    bare = {"type": "user", "message": {"content": "continue"}}
    first, second = read(bare, bare).turns
    assert first.id != second.id
    assert (first.id, second.id) == tuple(turn.id for turn in read(bare, bare, bare).turns[:2])


def test_a_long_run_is_split_between_calls():
    records: list[object] = []
    for number in range(20):
        records += [
            assistant(f"a{number}", [call(f"t{number}", "Bash", command=f"step {number} " + "word " * 60)]),
            user(f"r{number}", [result(f"t{number}", "fine")]),
        ]
    transcript = read(*records)
    assert len(transcript.turns) == 4
    assert all(1_500 <= len(turn.text) < 2_000 for turn in transcript.turns[:-1])
    assert [turn.text.count("Bash: step") for turn in transcript.turns] == [5, 5, 5, 5]


def test_a_run_of_parallel_calls_is_split_too():
    calls = [call(f"t{number}", "Bash", command=f"step {number} " + "word " * 60) for number in range(12)]
    transcript = read(assistant("a1", calls), user("r1", [result(f"t{number}", "") for number in range(12)]))
    assert [turn.text.count("Bash: step") for turn in transcript.turns] == [5, 5, 2]
    assert len({turn.id for turn in transcript.turns}) == 3


def test_an_answer_is_to_the_prompt_its_parents_lead_to():
    transcript = read(
        user("u1", "first question"),
        claude("progress", "p1", "u1"),
        user("u2", "another branch", None),
        claude("system", "y1", "p1", subtype="turn_duration"),
        user("u3", [text("[Request interrupted by user]")], "y1"),
        assistant("a1", [text("to the first")], "u3"),
        assistant("a2", [text("to the last")], "unknown"),
    )
    assert [(turn.text, turn.answers) for turn in transcript.turns if turn.role is Role.ASSISTANT] == [
        ("to the first", "u1"),
        ("to the last", "u2"),
    ]


def test_a_compaction_leaves_words_of_the_assistant_that_lead_to_the_prompt_before():
    transcript = read(
        user("u1", "Do it all"),
        user("u2", "something else"),
        claude("system", "b1", None, subtype="compact_boundary", logicalParentUuid="u1", compactMetadata={}),
        user("c1", "This session is being continued.", "b1", isCompactSummary=True),
        assistant("a1", [text("On it.")], "c1"),
    )
    assert told(transcript)[2] == ("assistant", "This session is being continued.")
    assert [turn.answers for turn in transcript.turns] == ["", "", "u1", "u1"]
    assert transcript.passed_over == {"system: compact_boundary": 1}


@pytest.mark.parametrize(
    ("content", "typed"),
    [
        (
            "<command-name>/fix</command-name>\n<command-message>fix</command-message>\n<command-args>#12</command-args>",
            "/fix #12",
        ),
        ("<command-message>x</command-message>\n<command-name>/mcp</command-name>", "/mcp"),
        ("<bash-input>git status</bash-input>", "! git status"),
        ("Look.\n<system-reminder>\nTodo is empty\n</system-reminder>\nThere.", "Look.\n\nThere."),
        ("<ide_opened_file>The user opened /x</ide_opened_file>Rename it", "Rename it"),
        ("an open <system-reminder> stays", "an open <system-reminder> stays"),
        ("<command-name> is the tag I ask about", "<command-name> is the tag I ask about"),
        ([text("one"), text("<system-reminder>no</system-reminder>"), "raw"], "one\n\nraw"),
        ("\x1b[31mred\x1b[0m and \ud800", "red and ?"),
    ],
)
def test_a_prompt_is_what_the_user_typed(content, typed):
    assert only(read(user("u1", content))).text == typed


@pytest.mark.parametrize(
    ("record", "counted"),
    [
        (
            user("u1", "Caveat: The messages below were generated by the user while running local commands. DO"),
            "user: caveat",
        ),
        (user("u1", "<local-command-stdout>Set model</local-command-stdout>"), "user: output of a command"),
        (user("u1", "<local-command-caveat>Caveat</local-command-caveat>"), "user: output of a command"),
        (user("u1", "<bash-stdout>x</bash-stdout><bash-stderr></bash-stderr>"), "user: output of a command"),
        (user("u1", "[Request interrupted by user for tool use]"), "user: interruption"),
        (user("u1", "<task-notification>\n<task-id>b</task-id>\n</task-notification>"), "user: notification"),
        (user("u1", "<system-reminder>x</system-reminder>"), "user: empty"),
        (user("u1", [{"type": "image", "source": {"data": "AAAA"}}]), "user: image"),
        (user("u1", [{"type": "document", "source": {}}]), "user: document"),
        (user("u1", [{"type": ["?"]}]), "user: unknown"),
        (user("u1", "Base directory for this skill", isMeta=True), "user: meta"),
        (user("u1", []), "user: no content"),
        (user("u1", [result("t9", "late")]), "result: no call"),
        (assistant("a1", [text("\n\n")]), "assistant: empty"),
        (assistant("a1", [{"type": "thinking", "thinking": "hm"}]), "assistant: thinking"),
        (assistant("a1", [{"type": "redacted_thinking", "data": "x"}]), "assistant: redacted_thinking"),
        (claude("progress", "p1", data={"type": "agent_progress", "message": user("x", "no")}), "progress"),
        ({"type": "file-history-snapshot", "messageId": "m", "snapshot": {}}, "file-history-snapshot"),
        ({"type": "queue-operation", "operation": "dequeue", "sessionId": "s1"}, "queue-operation"),
        ({"type": "queue-operation", "operation": "enqueue", "content": "<task-notification>x"}, "queue-operation"),
        ({"type": "last-prompt", "lastPrompt": "x", "sessionId": "s1"}, "last-prompt"),
        ({"type": "mode", "mode": "plan"}, "mode"),
        ({"type": "pr-link", "prUrl": "x"}, "pr-link"),
        (claude("system", "y1", subtype="api_error", error={}), "system: api_error"),
        (claude("system", "y1", subtype="stop_hook_summary", hookCount=1), "system: stop_hook_summary"),
        (claude("system", "y1", subtype="turn_duration", durationMs=9), "system: turn_duration"),
        (claude("system", "y1", subtype="local_command", content="/model"), "system: local_command"),
        (claude("system", "y1", None, subtype="compact_boundary"), "system: compact_boundary"),
        (user("u1", None), "user: no content"),
        ({**user("u1", ""), "message": {"role": "user", "contenst": "go"}}, "user: no content"),
        (assistant("a1", []), "assistant: no content"),
        (assistant("a1", [{"type": "brand_new"}]), "assistant: brand_new"),
        (claude("attachment", "t1", attachment={"type": ["?"]}), "attachment: unknown"),
        ({"type": "agent-name", "agentName": "x"}, "agent-name"),
        (claude("attachment", "t1", attachment={"type": "hook_success"}), "attachment: hook_success"),
        (
            {"type": "summary", "summary": "About another session", "leafUuid": "elsewhere"},
            "summary: of another session",
        ),
        ({"type": "brand-new", "message": {"content": "x"}}, "unknown record: brand-new"),
        ({"silly": "this"}, "unknown record: unknown"),
        (b"42", "line: broken"),
        (b"{'no': json}", "line: broken"),
    ],
)
def test_what_gives_no_turn_is_counted(record, counted):
    transcript = read(record)
    assert transcript.turns == ()
    assert transcript.passed_over == {counted: 1}


def test_a_record_that_comes_twice_is_read_once():
    transcript = read(user("u1", "first words"), user("u1", "first words"), assistant("a1", [text("yes")], "u1"))
    assert told(transcript) == [("user", "first words"), ("assistant", "yes")]
    assert transcript.passed_over == {"record: repeated": 1}


def test_a_title_is_a_turn_whenever_it_changes():
    titles = [
        {"type": "ai-title", "aiTitle": "Fix the lock", "sessionId": "s1"},
        {"type": "ai-title", "aiTitle": "Fix the lock", "sessionId": "s1"},
        {"type": "custom-title", "customTitle": "Lock and key", "sessionId": "s1"},
    ]
    transcript = read(user("u1", "go"), *titles)
    assert told(transcript)[1:] == [("assistant", "Fix the lock"), ("assistant", "Lock and key")]
    assert {turn.answers for turn in transcript.turns} == {""}
    assert transcript.passed_over == {"title: repeated": 1}


def test_a_title_does_not_split_a_run_of_calls():
    transcript = read(
        assistant("a1", [call("t1", "LS", path="/x")]),
        {"type": "ai-title", "aiTitle": "Look around"},
        user("r1", [result("t1", "")]),
        assistant("a2", [call("t2", "LS", path="/y")]),
    )
    assert told(transcript) == [("tool", "LS: /x\nLS: /y"), ("assistant", "Look around")]


def test_a_summary_is_a_turn_where_it_stands_behind_what_it_sums_up():
    transcript = read(user("u1", "go"), {"type": "summary", "summary": "It went well", "leafUuid": "u1"})
    assert told(transcript)[1] == ("assistant", "It went well")


def queued(words: str) -> dict[str, object]:
    return {"type": "queue-operation", "operation": "enqueue", "sessionId": "s1", "content": words}


def test_a_queued_prompt_is_a_turn_even_if_no_record_follows():
    transcript = read(user("u1", "go"), queued("and the tests too"), {"type": "queue-operation", "operation": "remove"})
    assert told(transcript)[1] == ("user", "and the tests too")


def test_a_queued_prompt_was_typed_on_the_branch_and_in_the_folder_of_the_record_before():
    moved = user("u2", "go on", "u1", gitBranch="fix", cwd="/elsewhere")
    outside = user("u3", "go on", "u2", gitBranch="")
    places = [
        (turn.branch, turn.folder)
        for turn in read(
            queued("zero"), user("u1", "go"), queued("one"), moved, queued("two"), outside, queued("three")
        ).turns
        if turn.text in ("zero", "one", "two", "three")
    ]
    assert places == [("", ""), ("main", FOLDER), ("fix", "/elsewhere"), ("", FOLDER)]


def test_what_a_compaction_is_asked_by_the_program_is_no_prompt():
    asked = "Your task is to create a detailed summary of the conversation so far."
    transcript = read(
        user("u1", asked, isSidechain=True, agentId="acompact-1f2e3d"),
        assistant("a1", [text("They mended the lock.")], "u1", isSidechain=True, agentId="acompact-1f2e3d"),
    )
    assert told(transcript) == [("assistant", "They mended the lock.")]
    assert only(transcript).answers == ""
    assert transcript.passed_over == {"user: compaction request": 1}


@pytest.mark.parametrize(
    "record",
    [
        user("u2", "and the tests too"),
        claude(
            "attachment",
            "t1",
            attachment={"type": "queued_command", "prompt": "and the tests too", "commandMode": "prompt"},
        ),
    ],
)
def test_a_queued_prompt_is_told_once_and_can_be_answered(record):
    transcript = read(user("u1", "go"), queued("and the tests too"), record, assistant("a1", [text("Fine.")], "u2"))
    prompts = [turn for turn in transcript.turns if turn.role is Role.USER]
    assert [turn.text for turn in prompts] == ["go", "and the tests too"]
    assert sum(transcript.passed_over.values()) == 1
    if record["type"] == "user":
        assert transcript.turns[-1].answers == prompts[1].id


def test_a_prompt_that_reached_the_agent_as_an_attachment_is_a_turn_if_a_person_typed_it():
    def attached(**fields: object) -> dict[str, object]:
        return claude(
            "attachment", f"t{len(fields)}", attachment={"type": "queued_command", "prompt": "and that", **fields}
        )

    assert told(read(attached(origin={"kind": "human"}))) == [("user", "and that")]
    assert read(attached(origin={"kind": "peer"})).turns == ()
    assert read(attached(commandMode="task-notification")).turns == ()


def test_thinking_is_part_of_the_answer_where_it_is_asked_for():
    records = [
        assistant("a1", [{"type": "thinking", "thinking": "Is it the lock?"}], message="m1"),
        assistant("a2", [text("It is the lock.")], message="m1"),
    ]
    assert told(read(*records, thinking=True)) == [("assistant", "Is it the lock?\n\nIt is the lock.")]
    assert told(read(*records)) == [("assistant", "It is the lock.")]


@pytest.mark.parametrize(
    ("name", "session", "agent"),
    [
        ("projects/p/abc.jsonl", "abc", ""),
        ("projects/p/abc/subagents/agent-x1.jsonl", "abc", "x1"),
        ("projects/p/agent-x1.jsonl", "", "x1"),
        ("sessions/2026/01/02/rollout-2026-01-02T03-04-05-01234567-89ab-cdef-0123-456789abcdef.jsonl",
         "01234567-89ab-cdef-0123-456789abcdef", ""),
    ],
)  # fmt: skip
def test_ids_come_from_the_path_where_no_record_tells_them(name, session, agent):
    transcript = read({"type": "mode"}, name=name)
    assert (transcript.session, transcript.agent) == (session, agent)


def test_ids_come_from_the_records_where_they_tell_them():
    transcript = read(user("u1", "go", isSidechain=True, agentId="x2"), name="elsewhere.jsonl")
    assert (transcript.session, transcript.agent) == ("s1", "x2")


def test_the_folder_is_found_in_the_first_record_that_tells_it():
    lines = [b'{"type":"summary"}\n', b'{"cwd": 1}\n', b"broken cwd\n", b'{"type":"user","cwd":"/a/b"}\n', b"\xff\n"]
    assert folder_of(lines) == "/a/b"
    assert folder_of(lines[:3]) is None


def test_no_more_lines_than_needed_are_read_for_the_folder():
    def lines():
        yield b'{"cwd":"/a"}\n'
        raise AssertionError

    assert folder_of(lines()) == "/a"
    asked = iter([b"{}\n"] * 100_000)
    assert folder_of(asked) is None
    assert len(list(asked)) >= 99_000


def test_bytes_that_are_no_utf_8_cost_no_words():
    line = b'{"type":"user","uuid":"u1","message":{"content":"caf\xe9 and more"}}'
    assert only(read(line)).text == "caf\ufffd and more".encode().decode()
