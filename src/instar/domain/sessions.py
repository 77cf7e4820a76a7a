"""Sessions with a coding agent: what a transcript holds, turn by turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_LINE = 8_000_000
"""Bytes of a record that is read. The longest hold an image, of up to 5 MB in base64; parsed, JSON made for it takes
thirty times the memory."""


class Role(StrEnum):
    """Who speaks in a turn; a run of tool calls, with what a person would search for in their output, is a turn too."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Action(StrEnum):
    """What a tool call did to a file."""

    READ = "read"
    EDIT = "edit"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Touch:
    """A file in a tool call; `path` is absolute as the transcript has it, a relative one joined to the folder."""

    path: str
    action: Action


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt, one answer in words, or a run of tool calls between them.

    `id` is that of its first record (made from its call, or its role, time and text, where the format has none; a
    second turn of one record has `/1` behind it). `first_line` and `last_line` (1-based) are the first and the last
    record it was read from. `at` is the time of the first, in seconds since the epoch, None where it is not told.
    `branch` and `folder` are the git branch and the working folder, "" where they are not told. `answers` is the id
    of the prompt it answers, "" for a prompt and where there is none. Of `text` only what was cut is redacted yet.
    """

    id: str
    role: Role
    text: str
    first_line: int
    last_line: int
    at: float | None = None
    branch: str = ""
    folder: str = ""
    answers: str = ""
    touches: tuple[Touch, ...] = ()


@dataclass(frozen=True, slots=True)
class Resume:
    """Where reading goes on when a transcript has grown: what stands before never changes again.

    `offset` is in bytes, `line` is the number of lines before it; turns read from there on replace the stored ones
    with a later first line. `state` is JSON, for the reader alone.
    """

    offset: int = 0
    line: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was read of one transcript, from its start or from a `Resume`.

    `session` is the id of the session, `agent` that of the sub-agent, "" for the main conversation. `folder` is where
    the session began. `turns` are in the order of their first lines. `passed_over` counts records, and parts of them,
    that gave no turn, by kind and reason; it counts from the start of the transcript, also from a `Resume` on.
    """

    session: str
    agent: str
    folder: str
    turns: tuple[Turn, ...]
    resume: Resume
    passed_over: Mapping[str, int] = field(default_factory=dict)
