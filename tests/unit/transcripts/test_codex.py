"""What becomes of each kind of record of Codex."""

import json

import pytest
from transcript_records import FOLDER, codex, event, function, header, item, message, only, output, raw, read, told

from instar.domain.sessions import Action, Role, Touch
from instar.transcripts import folder_of

PATCH = """*** Begin Patch
*** Add File: docs/new.md
+# Locks
+How they are taken.
*** Update File: src/a.py
@@ def f():
-    old()
+    new_call()
*** Move to: src/b.py
*** Delete File: gone.py
*** End Patch"""


def test_a_session_of_codex():
    transcript = read(
        header(),
        message("developer", "You are Codex"),
        message("user", "<environment_context>\n  <cwd>/home/me/work</cwd>\n</environment_context>"),
        message("user", "# AGENTS.md instructions for /home/me/work\n\n<INSTRUCTIONS>be brief</INSTRUCTIONS>"),
        codex("turn_context", cwd=FOLDER, model="gpt"),
        message("user", "Why does it fail?"),
        event("user_message", message="Why does it fail?", images=[]),
        event("agent_reasoning", text="**Looking**"),
        item("reasoning", summary=[{"type": "summary_text", "text": "**Looking**"}], content=None),
        event("agent_message", message="I look."),
        message("assistant", "I look."),
        function("c1", "shell", command=["bash", "-lc", "make test"], workdir="/home/me/work"),
        output("c1", json.dumps({"output": "2 failed\n", "metadata": {"exit_code": 2}})),
        event("exec_command_end", call_id="c1", exit_code=2),
        message("assistant", "It is the lock."),
        event("token_count", info=None),
    )
    assert told(transcript) == [
        ("user", "Why does it fail?"),
        ("assistant", "I look."),
        ("tool", "shell: make test\nerror: 2 failed"),
        ("assistant", "It is the lock."),
    ]
    assert {(turn.branch, turn.folder) for turn in transcript.turns} == {("main", FOLDER)}
    assert [turn.answers for turn in transcript.turns] == ["", *[transcript.turns[0].id] * 3]
    assert (transcript.session, transcript.agent, transcript.folder) == ("c1", "", FOLDER)
    assert transcript.passed_over == {
        "session_meta": 1,
        "message: of developer": 1,
        "user: context": 1,
        "user: instructions": 1,
        "turn_context": 1,
        "event_msg: repeats the other record": 1,
        "event_msg: agent_reasoning": 1,
        "response_item: reasoning": 1,
        "response_item: repeats the other record": 1,
        "event_msg: exec_command_end": 1,
        "event_msg: token_count": 1,
    }


def test_a_session_without_envelopes():
    transcript = read(
        {"id": "old1", "timestamp": "2025-08-01T00:00:00Z", "instructions": None, "git": {"branch": "dev"}},
        {"record_type": "state"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "<environment_context>\n<cwd>/old</cwd>"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "continue"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "name": "shell", "arguments": '{"command":["cat","a.py"]}', "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": '{"output":"text","metadata":{"exit_code":0}}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "continue"}]},
    )
    assert told(transcript) == [
        ("user", "continue"), ("tool", "shell: cat a.py"), ("assistant", "Done."), ("user", "continue")
    ]  # fmt: skip
    assert (transcript.session, transcript.folder) == ("old1", "/old")
    assert transcript.turns[1].touches == (Touch("/old/a.py", Action.READ),)
    assert transcript.turns[1].branch == "dev"
    assert len({turn.id for turn in transcript.turns}) == 4


def test_words_that_stand_only_in_an_event_are_kept_and_said_again_they_are_another_turn():
    said = [message("user", "continue"), event("user_message", message="continue")]
    assert told(read(*said, *said)) == [("user", "continue")] * 2
    assert told(read(event("user_message", message="only here"))) == [("user", "only here")]
    assert told(read(event("agent_message", message="only here"))) == [("assistant", "only here")]


def test_a_prompt_of_several_blocks_is_the_same_as_in_its_event():
    transcript = read(
        item("message", role="user", content=[
            {"type": "input_text", "text": "<image name=[Image #1]>"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            {"type": "input_text", "text": "</image>"},
            {"type": "input_text", "text": "What is"},
            {"type": "input_text", "text": "this?"},
        ]),
        event("user_message", message="What is this?"),
    )  # fmt: skip
    assert told(transcript) == [("user", "What is\n\nthis?")]
    assert transcript.passed_over["message: input_image"] == 1


def test_an_editor_puts_its_context_before_the_prompt():
    words = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nRename it\n"
    assert only(read(message("user", words))).text == "Rename it"


def test_a_command_of_the_user_is_what_was_typed():
    words = "<user_shell_command>\n<command>\nls -l\n</command>\n<result>\nx\n</result>\n</user_shell_command>"
    assert only(read(message("user", words))).text == "! ls -l"


def test_the_summary_of_a_compaction_is_kept_and_the_history_it_repeats_is_not():
    history = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "old"}]}]
    transcript = read(codex("compacted", message="We fixed the lock.", replacement_history=history))
    assert told(transcript) == [("assistant", "We fixed the lock.")]
    assert read(codex("compacted", message="")).passed_over == {"compacted: empty": 1}


def test_a_sub_agent_belongs_to_the_session_of_its_parent():
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "c0", "depth": 1}}}
    transcript = read(header(source=spawned), header(id="c0"))
    assert (transcript.session, transcript.agent) == ("c0", "c1")
    nested = read(header(source=spawned, session_id="root"))
    assert (nested.session, nested.agent) == ("root", "c1")


@pytest.mark.parametrize(
    "record",
    [
        item("custom_tool_call", call_id="c1", name="apply_patch", input=PATCH, status="completed"),
        function("c1", "apply_patch", input=PATCH),
        function("c1", "shell", command=["apply_patch", PATCH]),
        function("c1", "shell", command=["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF"]),
        function("c1", "exec_command", cmd=f"apply_patch <<'EOF'\n{PATCH}\nEOF"),
    ],
)
def test_a_patch_touches_its_files(record):
    turn = only(read(header(), record, output("c1", "Success. Updated the following files:\nA docs/new.md")))
    assert turn.touches == (
        Touch(f"{FOLDER}/docs/new.md", Action.WRITE),
        Touch(f"{FOLDER}/src/a.py", Action.EDIT),
        Touch(f"{FOLDER}/src/b.py", Action.WRITE),
        Touch(f"{FOLDER}/gone.py", Action.EDIT),
    )
    assert "How they are taken." in turn.text
    assert "new_call()" in turn.text
    assert "old()" not in turn.text


@pytest.mark.parametrize(
    "words",
    [
        json.dumps({"output": "done", "metadata": {"exit_code": 0, "duration_seconds": 0.1}}),
        "Exit code: 0\nWall time: 0.3 seconds\nOutput:\ndone",
        "Chunk ID: a1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n",
        [{"type": "input_text", "text": "Success. Updated the following files:\nM src/a.py"}],
    ],
)
def test_a_patch_of_which_it_is_told_that_it_went_well_touches_its_files(words):
    assert only(read(header(), function("c1", "apply_patch", input=PATCH), output("c1", words))).touches


@pytest.mark.parametrize(
    "words",
    [
        "apply_patch verification failed: Failed to find expected lines in src/a.py",
        "patch rejected by user",
        "patch rejected: writing outside of the project",
        "aborted by user after 1.2s",
        "Wall time: 1.2 seconds\naborted by user",
        "failed to parse function arguments: EOF while parsing",
        "exec_command failed for `make`: Rejected",
    ],
)
@pytest.mark.parametrize("name", ["apply_patch", "exec_command"])
def test_what_codex_says_in_place_of_an_output_is_a_failure(name, words):
    record = function("c1", name, input=PATCH) if name == "apply_patch" else function("c1", name, cmd="cat a.py")
    turn = only(read(header(), record, output("c1", words)))
    assert turn.touches == ()
    assert turn.text.endswith(f"error: {words}")


def test_a_patch_of_which_nothing_is_told_touches_nothing():
    for record in (
        function("c1", "apply_patch", input=PATCH),
        function("c1", "exec_command", cmd=f"x <<E\n{PATCH}\nE"),
    ):
        assert only(read(header(), record, output("c1", "Something else happened"))).touches == ()


@pytest.mark.parametrize("told", [{"status": "failed"}, {"status": "declined"}, {"success": False}])
def test_an_event_tells_how_a_patch_went(told):
    start = [header(), function("c1", "apply_patch", input=PATCH)]
    failed = only(read(*start, event("patch_apply_end", call_id="c1", **told), output("c1", "Success, perhaps")))
    assert failed.touches == ()
    assert failed.text.endswith("error: Success, perhaps")
    done = event("patch_apply_end", call_id="c1", status="completed", success=True)
    assert only(read(*start, done, output("c1", "Something else"))).touches


def test_only_the_header_of_an_output_tells_the_exit_code():
    words = "Chunk ID: a1\nProcess running with session ID 3\nOutput:\nrun 12 finished, Exit code: 1\nExit code: 1"
    turn = only(read(header(), function("c1", "exec_command", cmd="cat a.py"), output("c1", words)))
    assert turn.touches == (Touch(f"{FOLDER}/a.py", Action.READ),)
    assert turn.text == "exec_command: cat a.py"


@pytest.mark.parametrize(
    "words",
    [
        json.dumps({"output": "no such patch", "metadata": {"exit_code": 1, "duration_seconds": 0.1}}),
        "Exit code: 1\nWall time: 0.3 seconds\nOutput:\nno such patch",
        "Chunk ID: a1\nWall time: 0.1 seconds\nProcess exited with code 1\nTokens: 3\nOutput:\nno such patch",
        {"content": "no such patch", "success": False},
    ],
)
def test_a_failed_call_touches_nothing_and_tells_why(words):
    turn = only(read(header(), function("c1", "apply_patch", input=PATCH), output("c1", words)))
    assert turn.touches == ()
    assert turn.text.endswith("\nerror: no such patch")


def test_a_call_with_a_folder_of_its_own():
    record = function("c1", "exec_command", cmd="sed -n 1,20p src/../a.py", workdir="/else")
    assert only(read(header(), record, output("c1", "text"))).touches == (Touch("/else/a.py", Action.READ),)
    record = function("c1", "exec_command", cmd="cat a.py", workdir="sub/../deep")
    assert only(read(header(), record, output("c1", "text"))).touches == (Touch(f"{FOLDER}/deep/a.py", Action.READ),)
    assert only(read(record, output("c1", "text"))).touches == ()


def test_other_calls_of_codex():
    transcript = read(
        header(),
        item(
            "local_shell_call",
            call_id="c1",
            action={"type": "exec", "command": ["cat", "a.py"], "working_directory": "/w"},
        ),
        item("web_search_call", status="completed", action={"type": "search", "query": "tantivy lock"}),
        function("c2", "update_plan", explanation="Now", plan=[{"step": "Fix it", "status": "pending"}]),
        function("c3", "view_image", path="/shots/a.png"),
        item("function_call", name="search", namespace="mcp__docs", arguments='{"q":"bm25"}', call_id="c4"),
        item("custom_tool_call", call_id="c5", name="exec", input="text(1)"),
        output("c1", "text"),
        output("c3", "attached"),
    )
    turn = only(transcript)
    assert turn.role is Role.TOOL
    assert turn.text.split("\n") == [
        "local_shell: cat a.py",
        "web_search: tantivy lock",
        "update_plan: Now",
        "pending: Fix it",
        "view_image: /shots/a.png",
        "mcp__docs__search: q: bm25",
        "exec: input: text(1)",
    ]
    assert turn.touches == (Touch("/w/a.py", Action.READ), Touch("/shots/a.png", Action.READ))


def forked(*records):
    """Return a transcript of records behind a header and a line more than where they come from."""
    return read(header(id="c2"), header(), *records, name="sessions/forked.jsonl").turns


def test_a_turn_that_was_copied_to_another_line_keeps_its_id():
    records = [
        message("user", "Why does it fail?"),
        message("assistant", "I look."),
        function("k1", "shell", command=["cat", "a.py"]),
        output("k1", "text"),
        item("web_search_call", action={"type": "search", "query": "lock"}),
        codex("compacted", message="We looked."),
    ]
    turns = read(header(), *records).turns
    assert [turn.id for turn in forked(*records)] == [turn.id for turn in turns]
    assert len({turn.id for turn in turns}) == len(turns) == 4


def test_calls_keep_their_ids_where_a_copy_has_other_times():
    records = [
        message("user", "Why does it fail?"),
        function("k1", "shell", command=["cat", "a.py"]),
        output("k1", "text"),
        message("assistant", "Because."),
        item("web_search_call", id="ws1", action={"type": "search", "query": "lock"}),
    ]
    later = [{**record, "timestamp": "2026-02-03T04:05:06.789Z"} for record in records]
    runs = [[turn.id for turn in read(*each).turns if turn.role is Role.TOOL] for each in (records, later)]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_the_same_words_at_the_same_time_have_ids_of_their_own():
    records = [message("user", "continue"), message("assistant", "Yes."), message("user", "continue")]
    ids = [turn.id for turn in read(*records).turns]
    assert len(set(ids)) == 3
    assert [turn.id for turn in forked(*records)] == ids
    repeated = [
        function("k1", "shell", command=["x"]),
        message("assistant", "On."),
        function("k1", "shell", command=["x"]),
    ]
    assert len({turn.id for turn in read(*repeated).turns}) == 3


def test_a_plan_that_is_complete_is_an_answer():
    plan = {"type": "Plan", "id": "p1", "text": "# Plan\nMend the lock."}
    assert told(read(event("item_completed", thread_id="t", item=plan))) == [("assistant", "# Plan\nMend the lock.")]
    other = event("item_completed", item={"type": "AgentMessage", "text": "no"})
    assert read(other).passed_over == {"event_msg: item_completed": 1}


def test_reasoning_is_a_turn_where_it_is_asked_for():
    record = item("reasoning", summary=[{"type": "summary_text", "text": "Is it the lock?"}])
    assert told(read(record, thinking=True)) == [("assistant", "Is it the lock?")]


@pytest.mark.parametrize(
    ("record", "counted"),
    [
        (codex("world_state", full=True), "unknown record: world_state"),
        (item("brand_new"), "unknown response_item: brand_new"),
        (item("ghost_snapshot", ghost_commit={}), "response_item: ghost_snapshot"),
        (item("agent_message", author="a", recipient="b", content=[]), "response_item: agent_message"),
        (item("context_compaction", encrypted_content="x"), "response_item: context_compaction"),
        (event("token_count", info=None), "event_msg: token_count"),
        (event("patch_apply_end", call_id="c9", status="completed"), "event_msg: patch_apply_end"),
        (message("user", "<turn_aborted>by the user</turn_aborted>"), "user: interruption"),
        (output("c9", "late"), "result: no call"),
        (message("assistant", "  "), "assistant: empty"),
        ({"record_type": "state"}, "state"),
    ],
)
def test_what_gives_no_turn_is_counted(record, counted):
    transcript = read(record)
    assert transcript.turns == ()
    assert transcript.passed_over == {counted: 1}


@pytest.mark.parametrize(
    "record",
    [
        header(cwd="/a/b"),
        codex("turn_context", cwd="/a/b"),
        message("user", "<environment_context>\n<cwd>/a/b</cwd>\n</environment_context>"),
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "<environment_context>\nCurrent working directory: /a/b\nSandbox: no"}]},
    ],
)  # fmt: skip
def test_the_folder_is_found(record):
    assert folder_of(raw([{"record_type": "state"}, record]).splitlines(keepends=True)) == "/a/b"
    assert read(record).folder == "/a/b"


@pytest.mark.parametrize("end", ["\nSandbox: no", "</environment_context>", ""])
def test_a_folder_may_have_spaces(end):
    words = f"<environment_context>\nCurrent working directory: /home/me/my work{end}"
    assert read(message("user", words)).folder == "/home/me/my work"
