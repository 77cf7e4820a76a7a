"""Secrets in the transcripts of sessions are nowhere in the data folder, the output or the answers."""

import json

import pytest
import transcript_records as record
from conversations import Conversation, encoded
from planted import ALL
from traces import assert_nowhere

FILLER = "walrus and penguin sit on ice "
# Where inputs and outputs of tools are cut: the middle of a secret is put there.
INPUT_CUTS, OUTPUT_CUTS = (200, 300, 400, 1_000, 1_500, 2_000), (200, 300, 400, 600, 1_500)


def behind(length, text):
    """Return a text that has its middle so many characters from the start."""
    start = max(0, length - len(text) // 2 - 1)
    return f"{(FILLER * (start // len(FILLER) + 1))[:start]} {text} {FILLER * 20}"


def dump(text):
    """Return what `env` prints."""
    return f"SHELL=/bin/bash\nFIRST={text}\nerror: SECOND={text}\nTHIRD='{text}'\nHOME=/home/walrus\n"


def calls(text):
    """Yield name, input and output of calls of tools that hold a text."""
    environment = {"env": {"VALUE": text}, "headers": [text]}
    yield "Bash", {"command": f"run {text}", "description": f"Run {text}"}, dump(text)
    yield "Bash", {"command": "env"}, f"fatal error near {text}\n/srv/{text}/walrus.log\n"
    yield "Write", {"file_path": f"/srv/{text}/walrus.py", "content": f"value = {text!r}\n"}, f"wrote {text}"
    yield "Edit", {"file_path": "walrus.py", "old_string": text, "new_string": f"x = '{text}'"}, text
    yield "MultiEdit", {"file_path": "walrus.py", "edits": [{"old_string": text, "new_string": text}]}, text
    yield "Read", {"file_path": f"docs/{text}/walrus.md"}, f"1\t{text}\n2\t{text}\n"
    yield "WebFetch", {"url": f"https://walrus.example/?q={text}", "prompt": text}, f"page {text}"
    yield "Task", {"description": text, "prompt": f"Use {text}"}, f"I used {text}"
    yield "TodoWrite", {"todos": [{"status": "pending", "content": f"use {text}"}]}, ""
    yield "AskUserQuestion", {"questions": [{"question": text, "options": [{"label": text}]}]}, text
    yield "mcp__walrus__set", {"value": text, "text": f"'{text}'", "note": f"it is {text}", **environment}, text
    yield f"tool {text}", {text: text, "name": "VALUE", "value": text}, json.dumps({"value": text, **environment})
    for cut in INPUT_CUTS:
        long = behind(cut, text)
        yield "Bash", {"command": f"cat {long}"}, ""
        yield "Write", {"file_path": "walrus.py", "content": long}, ""
        yield "Task", {"prompt": long}, ""
        yield "mcp__walrus__set", {"text": long}, ""
    for cut in OUTPUT_CUTS:
        long = behind(cut, text)
        yield "Bash", {"command": "make"}, f"error {long}\n{long} error\n{long}"
        yield "WebFetch", {"url": "https://walrus.example"}, long
        yield "Task", {"prompt": "walrus"}, long


def claude_code(talk, text):
    """Append a text in every place of a transcript of Claude Code."""
    talk.branch, folder = f"fix/{text}", talk.folder
    prompt = talk.prompt(f"Walrus, take {text} please.\n\n{text}\n")
    talk.folder = f"{folder}/{text}"
    talk.think(f"The walrus said {text}.")
    talk.answer(f"I take `{text}` and the penguin.")
    for name, asked, answered in calls(text):
        talk.call(name, asked, answered)
    talk.call("Bash", {"command": "deploy"}, f"{FILLER * 30}{text} {FILLER * 18}", failed=True)
    talk.call("Bash", {"command": "deploy"}, f"cannot use {text}", failed=True)
    talk.folder = folder
    place = {"sessionId": talk.session, "cwd": folder, "gitBranch": f"feature/{text}"}
    queued = {"type": "queued_command", "prompt": f"And {text}, queued."}
    for other in (
        {"type": "summary", "summary": f"Summary of {text}", "leafUuid": prompt},
        {"type": "custom-title", "customTitle": f"Title {text}"},
        {"type": "queue-operation", "operation": "enqueue", "content": f"Also {text}, later."},
        {"type": "attachment", "attachment": queued},
        {"type": "user", "isCompactSummary": True, "message": {"content": f"We used {text}."}},
        {"type": "user", "message": {"content": f"<command-name>/x</command-name><command-args>{text}</command-args>"}},
        {"type": text, "subtype": text},
        {"type": "system", "subtype": text},
    ):
        talk.raw(json.dumps({**place, **other}).encode() + b"\n")


def codex(folder, text):
    """Return a transcript of Codex with a text in every place."""
    records = [
        record.header(cwd=str(folder), git={"branch": f"fix/{text}"}),
        record.message("user", f"Walrus, take {text} please."),
        record.event("user_message", message=f"Penguin, take {text} please."),
        record.item("reasoning", summary=[{"type": "summary_text", "text": f"The walrus said {text}."}]),
        record.message("assistant", f"I take `{text}`."),
        record.codex("turn_context", cwd=f"{folder}/{text}"),
        record.function("words", "shell", command=["bash", "-lc", f"deploy {text}"], workdir=f"{folder}/{text}"),
        record.output("words", json.dumps({"output": dump(text), "metadata": {"exit_code": 1}})),
        record.function("argv", "shell", command=["deploy", *text.split(" ")]),
        record.output("argv", f"Exit code: 1\nOutput:\n{text}\n"),
        record.item("custom_tool_call", name="apply_patch", call_id="patch", input=patch(text)),
        record.item("web_search_call", action={"type": "search", "query": text}),
        record.codex("compacted", message=f"We used {text}."),
        record.codex(text, type=text),
        record.item(text),
    ]
    for number, (name, asked, answered) in enumerate(calls(text)):
        records.append(record.function(f"c{number}", "exec_command" if name == "Bash" else name, **asked))
        records.append(record.output(f"c{number}", answered))
    return record.raw(records)


def patch(text):
    new = f"*** Add File: {text}/a.py\n+{behind(400, text)}"
    return f"*** Begin Patch\n{new}\n*** Update File: a.py\n+{text}\n*** End Patch"


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory):
    """Return a project and its transcripts by name, each as bytes."""
    project = tmp_path_factory.mktemp("project")
    (project / "walrus.py").write_text("def walrus(): ...\n")
    talk = Conversation(tmp_path_factory.mktemp("transcripts") / "all.jsonl", project)
    talk.prompt("Hello walrus.")
    for planted in ALL:
        claude_code(talk, planted.text)
    files = {"5e55-1.jsonl": talk.path.read_bytes()}
    for i, planted in enumerate(ALL):
        named = Conversation(talk.path.with_name(f"{i}.jsonl"), project, session=f"{planted.text} walrus")
        named.prompt(f"Hello walrus {i}.")
        files[named.path.name] = named.path.read_bytes()
        files[f"rollout-{i}.jsonl"] = codex(project, planted.text)
    return project, files


def prefixes(content):
    """Return how much of a transcript is there at each of some runs, mostly up to the middle of a secret."""
    ends = []
    for number, planted in enumerate(ALL[::12]):
        piece = json.dumps(planted.secret)[1:-1].encode()
        start = content.find(piece, len(content) * number // 7)
        ends.append(start + len(piece) // 2 if start >= 0 else len(content) * number // 7)
    return sorted(ends)


def test_no_piece_of_a_secret_is_anywhere(instar_command, environment, transcripts, tmp_path):
    environment["INSTAR_SESSION_THINKING"] = "true"
    project, files = transcripts
    folder = tmp_path / "projects" / encoded(project)
    folder.mkdir(parents=True)
    printed: list[str] = []

    def run(*arguments):
        done = instar_command(*arguments)
        assert done.returncode == 0, done.stderr
        printed.extend((done.stdout, done.stderr))
        return done.stdout

    for ends in zip(*(prefixes(content) for content in files.values()), strict=True):
        for (name, content), end in zip(files.items(), ends, strict=True):
            (folder / name).write_bytes(content[:end])
        run("index", project, "--sessions-from", tmp_path / "projects", "--json")
        assert_nowhere(tmp_path / "data", printed, witness="walrus")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    answer = json.loads(
        run("search", "walrus penguin take", project, "--source", "sessions", "--limit", "200", "--json")
    )
    assert {hit["session"]["role"] for hit in answer["hits"]} == {"user", "assistant", "tool"}
    run("search", "walrus", project)
    run("search", "walrus.py", project, "--json")
    run("status")
    run("status", "--json")
    run("index", project, "--rebuild", "--json")
    run("search", "penguin queued later", project, "--source", "sessions", "--limit", "200")
    run("verify")
    assert_nowhere(tmp_path / "data", printed, witness="walrus")
