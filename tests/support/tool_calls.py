"""A simple reader of its own: which files the tool calls in a transcript touched, by the line of the call."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACTIONS = {"Read": "read", "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "edit", "Write": "write"}
_NUMBERED = re.compile(r"^ *\d+→", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileCall:
    """A call that went well, on the file at `path`; `text` is what it put in or what it read, of a part or all."""

    line: int
    action: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls in a transcript: those of tools for files, and commands of a shell by line; where it began."""

    folder: str
    files: tuple[FileCall, ...]
    commands: tuple[tuple[int, str], ...]


def read_calls(transcript: Path) -> Calls:
    """Return the calls of a transcript that did not fail."""
    folder = ""
    asked: dict[str, tuple[int, str, dict[str, Any]]] = {}
    files: list[FileCall] = []
    commands: list[tuple[int, str]] = []
    for line, text in enumerate(transcript.read_bytes().splitlines(), 1):
        record = json.loads(text)
        folder = folder or record.get("cwd") or ""
        for block in _blocks(record):
            if block.get("type") == "tool_use":
                asked[block["id"]] = (line, block["name"], block["input"])
            elif block.get("type") == "tool_result" and not block.get("is_error"):
                at, name, given = asked.get(block["tool_use_id"], (0, "", {}))
                if name in ACTIONS:
                    path = given.get("file_path") or given["notebook_path"]
                    files.append(FileCall(at, ACTIONS[name], path, _content(given, block)))
                elif name == "Bash":
                    commands.append((at, given["command"]))
    return Calls(folder, tuple(files), tuple(commands))


def _blocks(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    yield from (block for block in content or () if isinstance(block, dict))


def _content(given: dict[str, Any], result: dict[str, Any]) -> str:
    new = given.get("content") or given.get("new_string") or given.get("new_source")
    if new:
        return str(new)
    read = result.get("content")
    return _NUMBERED.sub("", read) if isinstance(read, str) else ""
