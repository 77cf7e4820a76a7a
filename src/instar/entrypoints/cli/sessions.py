"""Sessions on the command line: where transcripts lie, and how a turn is cited."""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instar.domain.corpus import Root, SessionChoice
from instar.domain.globs import glob_pattern
from instar.domain.search import Hit, RelatedSession, SessionTurn
from instar.domain.stored import SessionCounts
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import UsageError
from instar.wiring import Workspace

SHORT_ID = 8
"""Characters of a session's id that tell it from others at a glance."""


def chosen_sessions(
    workspace: Workspace, folders: Sequence[Path], projects: tuple[str, ...], *, wanted: bool | None
) -> SessionChoice | None:
    """Return the choice made with --sessions, --sessions-from and --project, None where none is made.

    Raises `UsageError` where they contradict each other, and for a folder that must not be read.
    """
    if wanted is False and (folders or projects):
        raise UsageError("--no-sessions reads no sessions", "leave out --sessions-from and --project")
    if not wanted and not folders:
        if projects:
            raise UsageError("--project says which sessions to read, and none are asked for", "add --sessions")
        return None
    for glob in projects:
        glob_pattern(glob)
    places = {workspace.checked(folder) for folder in folders or _usual(Path.home())}
    outermost = [place for place in sorted(places) if places.isdisjoint(place.parents)]
    return SessionChoice(tuple(map(str, outermost)), projects)


def refuse_transcripts(paths: Sequence[Path], folders: Sequence[str]) -> None:
    """Raise `UsageError` where a path whose sessions are asked for is a folder of transcripts, or lies in one.

    These are `folders`, where the sessions are read, and those where the agents keep them.
    """
    places = [Path(folder) for folder in folders] + [place.resolve() for place in _kept_by_agents(Path.home())]
    for path in paths:
        if any(path.resolve().is_relative_to(place) for place in places):
            raise UsageError(f"{path} holds transcripts", f"read them as sessions: --sessions-from {path}")


def _kept_by_agents(home: Path) -> list[Path]:
    """Return where Claude Code and Codex keep their transcripts."""
    claude = Path(os.environ.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    codex = Path(os.environ.get("CODEX_HOME") or home / ".codex")
    return [claude / "projects", codex / "sessions", codex / "archived_sessions"]


def _usual(home: Path) -> list[Path]:
    """Return the folders that are there of those where Claude Code and Codex keep their transcripts."""
    places = _kept_by_agents(home)
    found = [place for place in places if place.is_dir()]
    if not found:
        names = " nor ".join(map(str, places))
        raise UsageError(f"there are no sessions: neither {names} is there", "name a folder with --sessions-from")
    return found


def named_session(workspace: Workspace, beginning: str | None) -> str | None:
    """Return the id of the one session that begins so; raises `UsageError` where there is none, or several."""
    if beginning is None:
        return None
    found = workspace.sessions_named(beginning)
    if beginning in found or len(found) == 1:
        return beginning if beginning in found else found[0]
    if not found:
        raise UsageError(f"no session begins with {beginning!r}", "`instar index --sessions` reads them")
    raise UsageError(f"{len(found)} sessions begin with {beginning!r}: {found[0]}, {found[1]} …", "give more of the id")


def sessions_as_json(root: Root, counts: SessionCounts) -> dict[str, Any] | None:
    """Return what was asked for and what is stored of the sessions of a root, None where none were asked for."""
    return asdict(root.sessions) | asdict(counts) if root.sessions else None


def sessions_in_words(facts: dict[str, Any]) -> str:
    """Return what `sessions_as_json` says in one line."""
    held = f"{counted(facts['sessions'], 'session')} in {counted(facts['transcripts'], 'transcript')}"
    passed_over = ", ".join(f"{count} {printable(kind)}" for kind, count in sorted(facts["passed_over"].items()))
    return f"{held}, {counted(facts['turns'], 'turn')}" + (
        f"; records passed over: {passed_over}" if passed_over else ""
    )


def citation(turn: SessionTurn) -> str:
    """Return who said something, when and where, in one line."""
    who = f"{turn.role} (agent {turn.agent})" if turn.agent else turn.role
    parts = [f"session {turn.id[:SHORT_ID]}", who, moment(turn.timestamp), turn.branch, turn.project]
    return printable(" · ".join(filter(None, parts)))


def moment(timestamp: float | None) -> str:
    """Return a time in the local zone, to the minute."""
    return "" if timestamp is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(timestamp))


def touched_by(related: tuple[RelatedSession, ...]) -> str:
    """Return in one line which sessions touched a file."""
    return printable(
        ", ".join(f"{item.session[:SHORT_ID]} {item.action} {moment(item.timestamp)}".rstrip() for item in related)
    )


def details(hit: Hit) -> list[str]:
    """Return the lines below the citation of a turn."""
    if hit.session is None:
        return [f"touched by sessions: {touched_by(hit.related_sessions)}"] if hit.related_sessions else []
    lines = [f"turn {hit.session.turn}  {hit.path}:{hit.start_line}"]
    if hit.answers:
        lines.append(f"answers: {hit.answers}")
    if hit.files:
        lines.append(f"files: {', '.join(hit.files)}")
    return [printable(line) for line in lines]
