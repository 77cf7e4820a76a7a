"""A transcript from its lines: each line is one record of JSON, of Claude Code or of Codex."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath

from instar.domain.sessions import LONGEST_LINE, Resume, Transcript
from instar.transcripts import claude_code, codex
from instar.transcripts.inputs import Redact
from instar.transcripts.state import State, decode
from instar.transcripts.turns import Turns
from instar.transcripts.values import directory

EARLY_LINES = 100  # Within which the folder must be told: titles, snapshots and queued prompts may come before.
_ROLLOUT = re.compile(r"rollout-.*?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")


def read_transcript(
    lines: Iterable[bytes], name: str, resume: Resume | None = None, *, redact: Redact, thinking: bool = False
) -> Transcript:
    """Return the turns of a transcript, from its start or from `resume` on.

    `lines` are raw lines with their line feeds, the first of them at `resume.offset`; one of more than `LONGEST_LINE`
    bytes is counted, not parsed, and may come in pieces of more than that. `name` is the path of the file relative to
    the folder of transcripts, with slashes; ids of session and agent come from it where no record tells
    them. `redact` takes the secrets out of a text and keeps its lines: it is given, before they are cut, the inputs
    and outputs of which parts are kept; the turns are still to be redacted. `thinking` takes what the agent thought
    into its turns. Nothing in the lines raises an error. A `resume` must be of the same `TRANSCRIPT_VERSION`.
    """
    start = resume or Resume()
    turns = Turns(decode(start.state) if start.state else State(), start, redact)
    offset = start.offset
    for line, (raw, length) in enumerate(_joined(lines), start.line + 1):
        turns.begin(raw, line, offset)
        offset += length
        _read_line(raw, turns, thinking=thinking)
    state = turns.state
    session, agent = _named(name)
    found, going_on = turns.finish()
    return Transcript(
        state.session or session, state.agent or agent, state.folder, found, going_on, dict(state.passed_over)
    )


def folder_of(lines: Iterable[bytes]) -> str | None:
    """Return the folder a session began in, None where none of its first `EARLY_LINES` records tells it."""
    for raw, _ in _joined(islice(lines, EARLY_LINES)):
        record = _parsed(raw) if b"cwd" in raw or b"working directory" in raw else None
        if isinstance(record, dict):
            folder = codex.folder(record) if codex.is_codex(record) else directory(record.get("cwd"))
            if folder:
                return folder
    return None


def _joined(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield each line with its length; of one that comes in pieces, the first stands for all."""
    first, length = b"", 0
    for piece in pieces:
        first = first or piece
        length += len(piece)
        if piece.endswith(b"\n"):
            yield first, length
            first, length = b"", 0
    if length:
        yield first, length


def _read_line(raw: bytes, turns: Turns, *, thinking: bool) -> None:
    record = _parsed(raw)
    if isinstance(record, dict):
        read = codex.read if codex.is_codex(record) else claude_code.read
        read(record, turns, thinking=thinking)
    elif len(raw) > LONGEST_LINE:
        turns.pass_over("line: too long")
    elif not raw.endswith(b"\n"):
        turns.pass_over("line: incomplete")
    elif raw.strip():
        turns.pass_over("line: broken")


def _parsed(raw: bytes) -> Mapping[str, object] | None:
    """Return the record of a line, None where it holds none."""
    if len(raw) > LONGEST_LINE:
        return None
    try:
        record = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _named(name: str) -> tuple[str, str]:
    """Return the ids of session and agent that the path of a transcript tells."""
    path = PurePosixPath(name)
    if rollout := _ROLLOUT.fullmatch(path.stem):
        return rollout[1], ""
    if path.stem.startswith("agent-"):
        within = path.parent.parent.name if path.parent.name == "subagents" else ""
        return within, path.stem.removeprefix("agent-")
    return path.stem, ""
