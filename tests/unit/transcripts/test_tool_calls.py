"""What is kept of the calls of tools and of their output, and which files they touch."""

import pytest
from transcript_records import FOLDER, assistant, call, called, only, read, result, text, user

from instar.domain.sessions import Action, Touch


def shown(name, output="", /, *, failed=False, **inputs):
    return only(called(name, output, failed=failed, **inputs)).text


def touched(name, output="", /, *, failed=False, **inputs):
    return [(touch.path, str(touch.action)) for touch in only(called(name, output, failed=failed, **inputs)).touches]


def test_a_command_is_kept_with_its_description():
    assert shown("Bash", "fine", command="make test", description="Run the tests") == "Bash: make test\nRun the tests"


def test_of_an_output_errors_and_paths_are_kept():
    output = """collecting ...
Traceback (most recent call last):
  File "src/a.py", line 3, in f
    g()
ValueError: bad lock
0 errors before
see build/report.html:12 and https://example.org/page
12 passed, 1 failed"""
    assert shown("Bash", output, command="pytest") == (
        "Bash: pytest\nValueError: bad lock\n12 passed, 1 failed\nsrc/a.py build/report.html:12"
    )


def test_of_many_errors_the_first_and_the_last_are_kept_in_few_characters():
    output = "\n".join(f"error number {number} {'x ' * 200}" for number in range(1_000))
    words = shown("Bash", output, command="make")
    assert len(words) < 700
    assert "error number 0 " in words
    assert "error number 999" not in shown("Bash", "quiet", command="make")


def test_the_last_error_is_kept():
    output = "\n".join(f"error number {number}" for number in range(1_000))
    assert shown("Bash", output, command="make").split("\n")[1:] == [
        *(f"error number {number}" for number in (0, 1, 2, 997, 998, 999))
    ]


@pytest.mark.parametrize(
    "command",
    ["cat a.py", "cd src && sed -n '1,5p;9p' a.py | head -3", "ls -la; pwd", "rg error src | sort", "X=1 cat a.py"],
)
def test_a_command_that_prints_files_keeps_no_output(command):
    assert shown("Bash", "an error in src/a.py", command=command) == f"Bash: {command}"


@pytest.mark.parametrize("command", ["cat a.py && make", "make | tail -5", "./cat.sh"])
def test_a_command_that_does_more_keeps_its_errors(command):
    assert shown("Bash", "an error", command=command) == f"Bash: {command}\nan error"


@pytest.mark.parametrize(
    "command",
    ["instar search lock", "cd x && instar index .", "A=b instar search 'a | b'", "python3 -m instar search x",
     "uv run instar search x", "/opt/bin/instar search x | head"],
)  # fmt: skip
@pytest.mark.parametrize("failed", [False, True])
def test_what_instar_printed_is_not_kept(command, failed):
    assert shown("Bash", "error: src/secret.py", failed=failed, command=command) == f"Bash: {command}"


@pytest.mark.parametrize("name", ["mcp__instar__search", "mcp__plugin_x_instar__search"])
def test_what_instar_answered_to_an_agent_is_not_kept(name):
    assert shown(name, "error: src/secret.py", query="lock") == f"{name}: query: lock"


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("Read", {"file_path": "/x/a.py", "offset": 3}, "Read: /x/a.py"),
        ("Grep", {"pattern": "lock", "path": "src", "glob": "*.py"}, "Grep: lock src *.py"),
        ("Glob", {"pattern": "**/*.py"}, "Glob: **/*.py"),
        ("LS", {"path": "/x"}, "LS: /x"),
        ("Skill", {"skill": "commit", "args": "all"}, "Skill: commit all"),
        ("EnterPlanMode", {}, "EnterPlanMode"),
    ],
)
def test_tools_that_look_keep_what_they_looked_for(name, inputs, words):
    output = "an error in src/a.py" if name != "EnterPlanMode" else ""
    assert shown(name, output, **inputs) == words


def test_a_failed_call_keeps_its_message():
    assert shown("Read", "File does not exist.", failed=True, file_path="/x") == "Read: /x\nerror: File does not exist."
    long = "noise " * 500 + "\nfatal: no upstream\n" + "noise " * 500
    assert shown("Bash", long, failed=True, command="git push") == "Bash: git push\nerror: fatal: no upstream"
    assert len(shown("Bash", "noise " * 5_000, failed=True, command="x")) < 700


def test_of_a_rejected_call_the_words_of_the_user_are_kept():
    output = (
        "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit). "
        "To tell you how to proceed, the user said:\nuse the other file"
    )
    assert shown("Bash", output, failed=True, command="rm a") == (
        "Bash: rm a\nerror: rejected by the user: use the other file"
    )
    assert shown("Bash", output.partition(" To tell")[0], failed=True, command="rm a").endswith("rejected by the user")


def test_of_new_text_the_start_is_kept():
    start = "def f():\n    return 1\n"
    assert shown("Write", "ok", file_path="/x", content=start + "x = 1\n" * 1_000).startswith(f"Write: /x\n{start}")
    assert len(shown("Write", "ok", file_path="/x", content="word " * 1_000)) < 420
    assert shown("Edit", "ok", file_path="/x", old_string="old", new_string="new") == "Edit: /x\nnew"
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    assert shown("MultiEdit", "ok", file_path="/x", edits=edits) == "MultiEdit: /x\nb\nd"
    assert shown("NotebookEdit", "ok", notebook_path="/x", new_source="n") == "NotebookEdit: /x\nn"


def test_a_sub_agent_keeps_its_prompt_and_its_answer():
    words = shown(
        "Task", [text("It is in src/lock.py.")], description="Find it", subagent_type="Explore", prompt="Where?"
    )
    assert words == "Task: Explore Find it\nWhere?\nIt is in src/lock.py."
    assert len(shown("Task", "answer " * 1_000, prompt="ask " * 1_000)) < 3_100


def test_plans_and_questions_keep_their_words():
    todos = [{"content": "Fix it", "status": "pending"}, "broken", {"content": "Test it", "status": "completed"}]
    assert shown("TodoWrite", "ok", todos=todos) == "TodoWrite: pending: Fix it\ncompleted: Test it"
    assert shown("ExitPlanMode", "approved", plan="# Plan\nFirst") == "ExitPlanMode: # Plan\nFirst"
    questions = [{"question": "Which?", "options": [{"label": "One", "description": "x"}, {"label": "Two"}]}]
    assert shown("AskUserQuestion", 'User has answered: "Which?"="Two"', questions=questions) == (
        'AskUserQuestion: Which?\n- One\n- Two\nUser has answered: "Which?"="Two"'
    )


def test_pages_and_searches_keep_the_start_of_what_was_found():
    assert (
        shown("WebFetch", "It says so.", url="https://x.org", prompt="Says?")
        == "WebFetch: https://x.org Says?\nIt says so."
    )
    assert len(shown("WebSearch", "found " * 1_000, query="bm25")) < 700


def test_a_tool_that_is_not_known_keeps_its_words_bounded():
    words = shown("mcp__x__do", "out " * 1_000, note="why " * 1_000, number=3, other={"deep": "no"})
    assert words.startswith("mcp__x__do: note: why why")
    assert "deep" not in words
    assert len(words) < 1_000


def test_endless_tokens_are_dropped():
    words = shown("mcp__x__do", f"before {'QUJD' * 500} after", data="a" * 5_000)
    assert words == "mcp__x__do: data: …\nbefore … after"


def test_images_in_a_result_are_counted():
    transcript = called("Read", [text("x"), {"type": "image", "source": {"data": "AAAA"}}], file_path="/x.png")
    assert transcript.passed_over == {"result: image": 1}


@pytest.mark.parametrize(
    ("name", "inputs", "action"),
    [
        ("Read", {"file_path": "/x/a.py"}, "read"),
        ("NotebookRead", {"notebook_path": "/x/a.py"}, "read"),
        ("Edit", {"file_path": "/x/../x/a.py", "new_string": "b"}, "edit"),
        ("MultiEdit", {"file_path": "/x/a.py", "edits": []}, "edit"),
        ("NotebookEdit", {"notebook_path": "/x/a.py", "new_source": "b"}, "edit"),
        ("Write", {"file_path": "/x/./a.py", "content": "b"}, "write"),
        ("Bash", {"command": "cat /x/a.py | wc -l"}, "read"),
        ("Bash", {"command": "cd /x && sed -n '1,3p' a.py > /tmp/out"}, "read"),
        ("Bash", {"command": "head -n 5 '/x/a.py'"}, "read"),
        ("Bash", {"command": "bat -l python /x/a.py"}, "read"),
        ("Bash", {"command": "cd '/x' && sed -n '/f(\\./,$p' a.py"}, "read"),
        ("Bash", {"command": "sed -n -e 1p -e 2p /x/a.py"}, "read"),
        ("Bash", {"command": "cat /x/a.py; (cd sub; cat b.py)"}, "read"),
    ],
)
def test_a_call_that_went_well_touches_its_file_and_a_failed_one_does_not(name, inputs, action):
    assert touched(name, "ok", **inputs) == [("/x/a.py", action)]
    assert touched(name, "no", failed=True, **inputs) == []


@pytest.mark.parametrize(
    "command",
    [
        "grep lock a.py",
        "sed -i s/a/b/ a.py",
        "cat $FILE",
        "cat > a.py <<EOF\ncat b.py\nEOF",
        "echo cat a.py",
        "make cat",
        'cd "$DIR" && cat a.py',
        "(cd sub; cat a.py; ls)",
        "{ cd sub; cat a.py; }",
        "if cd sub; then cat a.py; fi; cat b.py",
        "pushd sub && cat a.py",
        "popd; cat a.py",
        "cd -- sub && cat a.py",
        "cd - && cat a.py",
        "cd && cat a.py",
        "cd ~/other && cat a.py",
        "cd sub | cat a.py",
        "cd `git rev-parse` && cat a.py",
        "X=$(cd sub; pwd) cat a.py",
        "cat $(cd sub; echo a.py) b.py",
        r"cat a\ b.py",
        r"cd my\ work && cat a.py",
        "tail +5",
        "sed -n -f a.sed",
        "cat " + "a" * 3_000,
    ],
)
def test_what_is_not_plain_to_see_touches_nothing(command):
    assert touched("Bash", "ok", command=command) == []


def test_what_was_not_answered_touches_nothing():
    edit = assistant("a1", [call("t1", "Edit", file_path="/x", new_string="b")])
    assert only(read(edit)).touches == ()
    assert read(edit, user("u1", "Something else")).turns[0].touches == ()
    assert (
        read(edit, *({"type": "mode"} for _ in range(1_100)), user("r1", [result("t1", "ok")])).turns[0].touches == ()
    )


def test_a_relative_path_in_a_folder_that_is_not_known_is_none():
    record = assistant("a1", [call("t1", "Read", file_path="a.py"), call("t2", "Read", file_path="/b.py")], cwd=None)
    turn = only(read(record, user("r1", [result("t1", ""), result("t2", "")], cwd=None)))
    assert turn.touches == (Touch("/b.py", Action.READ),)


def test_relative_paths_are_joined_to_the_folder_and_others_kept():
    assert touched("Read", "", file_path="src/a.py") == [(f"{FOLDER}/src/a.py", "read")]
    assert touched("Read", "", file_path="C:\\src\\a.py") == [("C:\\src\\a.py", "read")]
    assert touched("Read", "", file_path="") == []
    assert touched("Read", "", file_path="a\nb") == []


def test_a_file_that_is_touched_twice_in_a_turn_stands_once():
    turn = only(
        read(
            assistant("a1", [call("t1", "Read", file_path="/x"), call("t2", "Read", file_path="/x")]),
            user("r1", [result("t1", ""), result("t2", "")]),
        )
    )
    assert turn.touches == (Touch("/x", Action.READ),)
