"""Transcripts of invented sessions, as Claude Code writes them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2026, 2, 1, 10, 0, tzinfo=UTC)
"""When every session begins; each record comes a minute after the one before."""


def encoded(folder: Path) -> str:
    """Return the name Claude Code gives the folder with the sessions of a project."""
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in str(folder))


class Conversation:
    """Appends records to a transcript; the ids of turns are `<session>-<number of the record>`."""

    def __init__(
        self,
        path: Path,
        folder: Path | str,
        *,
        session: str = "5e55-1",
        branch: str = "main",
        begin: datetime = BEGIN,
        agent: str = "",
    ) -> None:
        self.path = path
        self.session = session
        self.branch = branch
        self.agent = agent
        self.folder = str(folder)
        self._at = begin
        self._records = 0
        self._last: str | None = None

    def prompt(self, text: str) -> str:
        """The user says something; returns the id of the turn."""
        return self._append("user", text)

    def answer(self, text: str) -> str:
        """The agent says something."""
        return self._append("assistant", [{"type": "text", "text": text}])

    def think(self, text: str) -> str:
        """The agent thinks something."""
        return self._append("assistant", [{"type": "thinking", "thinking": text}])

    def edit(self, file: str, old: str = "before", new: str = "after") -> str:
        """The agent edits a file."""
        return self.call("Edit", {"file_path": file, "old_string": old, "new_string": new}, "The file was updated.")

    def read(self, file: str, content: str = "something") -> str:
        """The agent reads a file."""
        return self.call("Read", {"file_path": file}, content)

    def call(self, tool: str, asked: Mapping[str, Any], result: str, *, failed: bool = False) -> str:
        """The agent calls a tool, and it answers."""
        call = f"toolu_{self.session}_{self._records}"
        made = self._append("assistant", [{"type": "tool_use", "id": call, "name": tool, "input": asked}])
        answer = {"type": "tool_result", "tool_use_id": call, "content": result, "is_error": failed}
        self._append("user", [answer])
        return made

    def raw(self, line: bytes) -> None:
        """Append a line as it is."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(line)

    def other(self, kind: str) -> None:
        """Append a record that is no turn."""
        self.raw(json.dumps({"type": kind}).encode() + b"\n")

    def _append(self, kind: str, content: Any) -> str:
        self._records += 1
        self._at += timedelta(minutes=1)
        made = f"{self.session}-{self._records}"
        record = {
            "type": kind,
            "uuid": made,
            "parentUuid": self._last,
            "sessionId": self.session,
            "timestamp": self._at.isoformat().replace("+00:00", "Z"),
            "cwd": self.folder,
            "gitBranch": self.branch,
            "isSidechain": bool(self.agent),
            "agentId": self.agent or None,
            "message": {"role": kind, "content": content} | ({"id": f"msg_{made}"} if kind == "assistant" else {}),
        }
        self._last = made
        self.raw(json.dumps(record).encode() + b"\n")
        return made
