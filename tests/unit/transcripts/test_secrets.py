"""Wherever a call or its output is cut, no piece of a secret is left that its other half would have told."""

import pytest
from planted import ALL, ALNUM, HEX, Maker, Planted
from transcript_records import assistant, call, called, codex, function, header, only, output, raw, result, user

from instar.domain.sessions import Transcript
from instar.redaction import redact
from instar.transcripts import read_transcript

PIECE = 10
"""Characters of a secret that are one: shorter ones are prefixes that anybody knows."""
STEP = 5
FILLER = "lorem ipsum dolor sit amet consectetur adipiscing elit "


def clean(text: str) -> str:
    return redact(text).text


def stored(*records: object) -> str:
    """Return all that is kept of a transcript, redacted as it is before it is stored."""
    lines = raw(records).splitlines(keepends=True)
    transcript = read_transcript(lines, "s1.jsonl", redact=clean, thinking=True)
    kept = [part for turn in transcript.turns for part in (turn.text, *(touch.path for touch in turn.touches))]
    return "\n".join(map(clean, [*kept, transcript.resume.state]))


def leaks(planted: Planted, text: str) -> list[str]:
    secret = planted.secret
    pieces = [secret[start : start + PIECE] for start in range(max(1, len(secret) - PIECE + 1))]
    return [piece for piece in pieces if piece in text]


def tool(name: str, /, words: str = "", *, failed: bool = False, **inputs: object) -> str:
    return stored(
        assistant("a1", [call("t1", name, **inputs)]), user("u1", [result("t1", words, failed=failed)], "a1")
    )


def at(border: int) -> str:
    return (FILLER * (border // len(FILLER) + 1))[:border]


# Each puts a text behind this many characters and returns what is stored; the border is where something is cut.
CUTS = {
    "command": (1_000, lambda text: tool("Bash", command=f"echo {text}")),
    "command of many words": (1_000, lambda text: stored(header(), function("c", "shell", command=text.split(" ")))),
    "files of a command": (2_000, lambda text: tool("Bash", command=f"cat {text.replace('x ', 'x/')}")),
    "new text": (400, lambda text: tool("Edit", file_path="a.py", new_string=text)),
    "content": (400, lambda text: tool("Write", file_path="a.py", content=text)),
    "patch": (400, lambda text: stored(header(), function("c", "apply_patch", input=patch(text)))),
    "input of a tool": (300, lambda text: tool("mcp__x__y", text=text)),
    "inputs of a tool": (
        700,
        lambda text: tool("mcp__x__y", first=at(298), second=at(298), third=text[410:]),
    ),
    "prompt to an agent": (1_500, lambda text: tool("Task", prompt=text)),
    "plan": (1_500, lambda text: tool("ExitPlanMode", plan=text)),
    "answer of an agent": (1_500, lambda text: tool("Task", text)),
    "answer of a tool": (600, lambda text: tool("mcp__x__y", text)),
    "page": (600, lambda text: tool("WebFetch", text, url="https://example.org")),
    "line of an error": (200, lambda text: tool("Bash", f"error: {text[7:]}", command="make")),
    "errors": (400, lambda text: tool("Bash", f"{text[:199]}\nerror {text[199:]}", command="make")),
    "failure": (600, lambda text: tool("Bash", text, failed=True, command="make")),
    "end of a failure": (50, lambda text: tool("Bash", text + at(1_000)[:548], failed=True, command="make")),
    "searched": (50_000, lambda text: tool("Bash", f"{text}{at(60_000)} error", command="make")),
}


def patch(text: str) -> str:
    lines = "\n".join(f"+{line}" for line in text.split("\n"))
    return f"*** Begin Patch\n*** Add File: a.py\n{lines}\n*** End Patch"
