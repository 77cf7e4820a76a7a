"""Wherever a call or its output is cut, nothing is left of a secret that only its other half would have told."""

from collections.abc import Callable

import pytest
from planted import ALL, ALNUM, HEX, Maker
from transcript_records import assistant, call, function, header, output, raw, result, user

from instar.redaction import redact
from instar.transcripts import read_transcript

PIECE = 10
"""Characters of a secret that betray it: fewer may be a prefix that anybody knows."""
STEP, STEP_OF_LONG = 5, 45
LONG = 10_000
FILLER = "lorem ipsum dolor sit amet consectetur adipiscing elit "


def clean(text: str) -> str:
    return redact(text).text


def stored(*records: object) -> str:
    """Return all that is kept of a transcript, redacted as it is before it is stored."""
    lines = raw(records).splitlines(keepends=True)
    transcript = read_transcript(lines, "s1.jsonl", redact=clean, thinking=True)
    kept = [part for turn in transcript.turns for part in (turn.text, *(touch.path for touch in turn.touches))]
    return "\n".join(map(clean, [*kept, transcript.resume.state]))


def tool(name: str, /, words: str = "", *, failed: bool = False, **inputs: object) -> str:
    return stored(assistant("a1", [call("t1", name, **inputs)]), user("u1", [result("t1", words, failed=failed)], "a1"))


def codex(name: str, **arguments: object) -> str:
    return stored(header(), function("c1", name, **arguments))


def patch(text: str) -> str:
    return f"*** Begin Patch\n*** Add File: a.py\n+{text}\n*** End Patch"


def filler(length: int) -> str:
    return (FILLER * (length // len(FILLER) + 1))[:length]


def pieces(secret: str) -> set[str]:
    return {secret[start : start + PIECE] for start in range(max(1, len(secret) - PIECE + 1))}


# Where something is cut, and what is stored of a text of which the part behind that border is cut off (or before it).
CUTS: dict[str, tuple[int, Callable[[str], str]]] = {
    "command": (1_000, lambda text: tool("Bash", command=text)),
    "words of a command": (1_000, lambda text: codex("shell", command=text.split(" "))),
    "command that is taken apart": (2_000, lambda text: tool("Bash", command=f"cat {text[4:]}")),
    "new text": (400, lambda text: tool("Edit", file_path="a.py", new_string=text)),
    "edits": (400, lambda text: tool("MultiEdit", file_path="a.py", edits=[{"new_string": text}])),
    "content": (400, lambda text: tool("Write", file_path="a.py", content=text)),
    "patch": (400, lambda text: codex("apply_patch", input=patch(text))),
    "input": (300, lambda text: tool("mcp__x__y", text=text)),
    "inputs": (150, lambda text: tool("mcp__x__y", a=filler(290), b=filler(290), c=filler(234), d=text)),
    "name of an input": (100, lambda text: stored(assistant("a1", [call("t1", "mcp__x__y") | {"input": {text: "x"}}]))),
    "name of a tool": (100, tool),
    "prompt to an agent": (1_500, lambda text: tool("Task", prompt=text)),
    "plan": (1_500, lambda text: tool("ExitPlanMode", plan=text)),
    "list of things to do": (1_500, lambda text: tool("TodoWrite", todos=[{"content": text}])),
    "question": (1_500, lambda text: tool("AskUserQuestion", questions=[{"options": [{"label": text}]}])),
    "address": (300, lambda text: tool("WebFetch", url=text)),
    "answer of an agent": (1_500, lambda text: tool("Task", text)),
    "answer of a tool": (600, lambda text: tool("mcp__x__y", text)),
    "line of an error": (200, lambda text: tool("Bash", f"error: {text[7:]}", command="make")),
    "errors": (400, lambda text: tool("Bash", f"error {text[6:190]}\nerror {text[197:]}", command="make")),
    "end of a failure": (50, lambda text: tool("Bash", text[:200] + filler(450), failed=True, command="make")),
    "searched beginning": (50_000, lambda text: tool("Bash", f"{text}{filler(60_000)}\nerror", command="make")),
    "searched end": (
        60_000,
        lambda text: tool("Bash", f"{text[:60_200]}{filler(49_787)}\nerror: all over", command="make"),
    ),
}


@pytest.mark.parametrize(("border", "keep"), CUTS.values(), ids=CUTS.keys())
def test_no_cut_uncovers_a_secret(border, keep):
    for planted in ALL:
        words = f"error: {planted.text}"
        for inside in range(0, len(words), STEP if border < LONG else STEP_OF_LONG):
            kept = keep(f"{filler(border - inside)} {words} {filler(2_000)}")
            assert not any(piece in kept for piece in pieces(planted.secret)), (planted.kind, inside)


def test_the_name_of_an_input_tells_a_secret():
    kept = tool("mcp__x__login", user="bob", password="walrus77")
    assert kept.startswith("mcp__x__login: user: bob\npassword: [REDACTED:password]\n")


def test_a_neighbour_tells_a_secret():
    value = Maker(1).of(HEX, 32)
    kept = tool("mcp__x__set", name="DD_API_KEY", value=value + " " * 400 + "x")
    assert value[:PIECE] not in kept
    assert "name: DD_API_KEY\nvalue: [REDACTED:" in kept


def test_a_key_is_known_by_its_first_line():
    body = "\n".join(Maker(seed).of(ALNUM + "+/", 64) for seed in range(25))
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    everywhere = [
        tool("Write", file_path="key.pem", content=key),
        tool("Bash", f"{key}\nerror", command="make"),
        tool("Bash", key, failed=True, command="make"),
        tool("Bash", command=f"cat > key.pem <<E\n{key}\nE"),
        codex("apply_patch", input=patch(key.replace("\n", "\n+"))),
    ]
    for kept in everywhere:
        assert not any(line[:PIECE] in kept or line[-PIECE:] in kept for line in body.split("\n"))


def test_no_secret_is_taken_for_a_path():
    secret = f"{Maker(1).of(ALNUM, 19)}/{Maker(2).of(ALNUM, 20)}"
    kept = tool("Bash", f"USER=bob\nAWS_SECRET_ACCESS_KEY={secret}\nHOME=/home/bob", command="make env")
    assert kept.startswith("Bash: make env\n/home/bob\n")


def test_no_secret_is_taken_for_a_file():
    secret = Maker(1).of(ALNUM, 14)
    assert secret not in tool("Bash", command=f"cat https://bob:{secret}@git.internal/repo")
    assert secret not in tool("Edit", file_path=f"https://bob:{secret}@git.internal/repo", new_string="x")


def test_no_secret_is_taken_for_a_folder_of_a_call():
    secret = Maker(1).of(ALNUM, 14)
    for folder in (f"https://bob:{secret}@git.internal/repo", f"/x/https://bob:{secret}@git.internal"):
        record = function("c1", "exec_command", cmd="cat a.py", workdir=folder)
        assert secret not in stored(header(), record, output("c1", "text"))


def test_a_title_is_remembered_without_its_secret():
    title = {"type": "custom-title", "customTitle": f"Use {ALL[0].text}"}
    transcript = read_transcript(raw([title, title]).splitlines(keepends=True), "s1.jsonl", redact=clean)
    assert len(transcript.turns) == 1
    assert ALL[0].secret not in transcript.resume.state
