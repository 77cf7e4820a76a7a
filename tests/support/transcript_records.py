"""Records of transcripts as the agents write them, cut down to what is read, and how a transcript is made of them."""

import json
from collections.abc import Iterable

from instar.domain.sessions import Resume, Transcript, Turn
from instar.transcripts import read_transcript

FOLDER = "/home/me/work"


def raw(records: Iterable[object]) -> bytes:
    """Return records as the bytes of a transcript; a record of bytes is a line of its own."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return b"".join(line + b"\n" for line in lines)


def read(*records: object, name: str = "projects/p/s1.jsonl", thinking: bool = False) -> Transcript:
    return read_bytes(raw(records), name=name, thinking=thinking)


def read_bytes(
    data: bytes, resume: Resume | None = None, *, name: str = "projects/p/s1.jsonl", thinking: bool = False
) -> Transcript:
    start = resume.offset if resume else 0
    return read_transcript(data[start:].splitlines(keepends=True), name, resume, redact=str, thinking=thinking)


def told(transcript: Transcript) -> list[tuple[str, str]]:
    """Return role and text of each turn."""
    return [(str(turn.role), turn.text) for turn in transcript.turns]


def only(transcript: Transcript) -> Turn:
    (turn,) = transcript.turns
    return turn


def claude(kind: str, uuid: str, parent: str | None = None, /, **fields: object) -> dict[str, object]:
    """Return a record of Claude Code in its envelope."""
    return {
        "parentUuid": parent,
        "isSidechain": False,
        "cwd": FOLDER,
        "sessionId": "s1",
        "version": "2.1.39",
        "gitBranch": "main",
        "type": kind,
        "uuid": uuid,
        "timestamp": "2026-01-02T03:04:05.678Z",
        **fields,
    }


def user(uuid: str, content: object, parent: str | None = None, /, **fields: object) -> dict[str, object]:
    return claude("user", uuid, parent, message={"role": "user", "content": content}, **fields)


def assistant(
    uuid: str, content: object, parent: str | None = None, /, message: str = "", **fields: object
) -> dict[str, object]:
    body = {"id": message or f"msg-{uuid}", "role": "assistant", "content": content}
    return claude("assistant", uuid, parent, message=body, **fields)


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def call(key: str, name: str, /, **inputs: object) -> dict[str, object]:
    return {"type": "tool_use", "id": key, "name": name, "input": inputs}


def result(key: str, content: object, *, failed: bool = False) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": key, "content": content, "is_error": failed}


def called(name: str, output: object = "", /, *, failed: bool = False, **inputs: object) -> Transcript:
    """Return a transcript of one call of Claude Code and its result."""
    return read(assistant("a1", [call("t1", name, **inputs)]), user("u1", [result("t1", output, failed=failed)], "a1"))


def codex(kind: str, /, **payload: object) -> dict[str, object]:
    """Return a record of Codex in its envelope."""
    return {"timestamp": "2026-01-02T03:04:05.678Z", "type": kind, "payload": payload}


def header(**fields: object) -> dict[str, object]:
    start = {"id": "c1", "timestamp": "2026-01-02T03:04:05Z", "cwd": FOLDER, "git": {"branch": "main"}}
    return codex("session_meta", **{**start, **fields})


def item(kind: str, /, **fields: object) -> dict[str, object]:
    return codex("response_item", type=kind, **fields)


def message(role: str, *words: str) -> dict[str, object]:
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": part} for part in words])


def event(kind: str, /, **fields: object) -> dict[str, object]:
    return codex("event_msg", type=kind, **fields)


def function(key: str, name: str, /, **arguments: object) -> dict[str, object]:
    return item("function_call", name=name, arguments=json.dumps(arguments), call_id=key)


def output(key: str, words: object) -> dict[str, object]:
    return item("function_call_output", call_id=key, output=words)
