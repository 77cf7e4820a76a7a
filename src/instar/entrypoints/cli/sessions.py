"""Sessions on the command line: where transcripts lie, and how a turn is cited."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from instar.domain.corpus import Root, SessionChoice
from instar.domain.search import Hit, RelatedSession, SessionTurn
from instar.domain.sources import ANOTHER_PROJECT
from instar.domain.stored import SessionCounts
from instar.entrypoints.cli.filters import check_project
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import UsageError
from instar.indexing.parts import RootReport
from instar.wiring import Workspace

SHORT_ID = 8
"""Characters of a session's id that tell it from others at a glance."""
SHOWN_FILES = 3
"""Of the files touched, in a readable list: one line of a terminal."""


@dataclass(frozen=True, slots=True)
class AskedSessions:
    """What of --sessions-from and --project was given: each replaces what was chosen before, the other stays.

    `usual` are the folders for a root of which nothing was chosen before.
    """

    folders: tuple[str, ...]
    projects: tuple[str, ...]
    usual: tuple[str, ...]

    def choice(self, former: SessionChoice | None) -> SessionChoice:
        """Return what is to hold for a root where `former` (None for nothing) held until now."""
        if former is None:
            return SessionChoice(self.folders or self.usual, self.projects)
        return SessionChoice(self.folders or former.folders, self.projects or former.projects)


def asked_sessions(
    workspace: Workspace,
    folders: Sequence[Path],
    projects: tuple[str, ...],
    former: Sequence[SessionChoice | None],
    *,
    wanted: bool | None,
) -> AskedSessions | None:
    """Return what is asked for with --sessions, --sessions-from and --project, None where nothing is.

    `former` is what was chosen before for each of the roots concerned. Raises `UsageError` where the options
    contradict each other, for a folder that must not be read, and where there is none.
    """
    if wanted is False and (folders or projects):
        raise UsageError("--no-sessions reads no sessions", "leave out --sessions-from and --project")
    if not wanted and not folders:
        if projects and None in former:
            raise UsageError("--project says which sessions to read, and none are asked for", "add --sessions")
        if not projects:
            return None
    for glob in projects:
        check_project(glob)
    named = _outermost(workspace.checked(folder) for folder in folders)
    return AskedSessions(named, projects, _usual(workspace) if None in former and not named else ())


def _outermost(folders: Iterable[Path]) -> tuple[str, ...]:
    places = set(folders)
    return tuple(str(place) for place in sorted(places) if places.isdisjoint(place.parents))


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


def _usual(workspace: Workspace) -> tuple[str, ...]:
    """Return the folders where Claude Code and Codex keep their transcripts, also those that are not there yet."""
    places = _kept_by_agents(Path.home())
    if not any(place.is_dir() for place in places):
        names = " nor ".join(map(str, places))
        raise UsageError(f"there are no sessions: neither {names} is there", "name a folder with --sessions-from")
    return _outermost(workspace.checked(place) if place.is_dir() else place.resolve() for place in places)


def named_session(workspace: Workspace, beginning: str | None, covered: Sequence[Root]) -> str | None:
    """Return the id of the one session of the roots `covered` that begins so.

    Raises `UsageError` where there is none, or several.
    """
    if beginning is None:
        return None
    everywhere = workspace.sessions_named(beginning)
    here = {root.id for root in covered}
    found = list(dict.fromkeys(session for session, root_id in everywhere if root_id in here))
    if beginning in found or len(found) == 1:
        return beginning if beginning in found else found[0]
    if found:
        both = f"{found[0]}, {found[1]}"
        raise UsageError(f"{len(found)} sessions begin with {beginning!r}: {both} …", "give more of the id")
    if everywhere:
        other = next(root.path for root in workspace.roots() if root.id == everywhere[0][1])
        raise UsageError(
            f"no session of this folder begins with {beginning!r}, but one of {other}",
            "add --everywhere, or name that folder",
        )
    if any(root.sessions for root in covered):
        raise UsageError(f"no session begins with {beginning!r}", "hits of `--source sessions` name the ids there are")
    raise UsageError(
        f"no session begins with {beginning!r}, for none are read of this folder",
        "`instar index --sessions` reads them",
    )


def sessions_as_json(root: Root, counts: SessionCounts) -> dict[str, Any] | None:
    """Return what was asked for and what is stored of the sessions of a root, None where none were asked for."""
    return asdict(root.sessions) | asdict(counts) if root.sessions else None


def sessions_in_words(facts: dict[str, Any]) -> str:
    """Return what is stored of the sessions of a root, out of `sessions_as_json`, in one line."""
    held = f"{counted(facts['sessions'], 'session')} in {counted(facts['transcripts'], 'transcript')}"
    passed_over = sum(facts["passed_over"].values())
    return f"{held}, {counted(facts['turns'], 'turn')}" + (
        f"; {counted(passed_over, 'record')} passed over, --json lists them" if passed_over else ""
    )


def choice_in_words(facts: dict[str, Any]) -> str:
    """Return where the transcripts of a root lie and which belong to it, out of `sessions_as_json`, in one line."""
    projects = f", of projects {', '.join(facts['projects'])}" if facts["projects"] else ""
    return printable(f"sessions from {', '.join(facts['folders'])}{projects}")


def citation(turn: SessionTurn) -> str:
    """Return who said something, when and where, in one line."""
    who = f"{turn.role} (agent {turn.agent})" if turn.agent else turn.role
    parts = [f"session {turn.id[:SHORT_ID]}", who, moment(turn.timestamp), turn.branch, turn.project]
    return printable(" · ".join(filter(None, parts)))


def none_belong(report: RootReport) -> str:
    """Return why nothing was found of the sessions asked for, and what to do about it."""
    others = report.skipped.get(ANOTHER_PROJECT, 0)
    belong = f"{counted(others, 'transcript')} (or folders of them)" if others else "no transcript"
    return f"no session belongs to {report.path}, {belong} to other projects: name theirs with --project GLOB"


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
        more = len(hit.files) - SHOWN_FILES
        lines.append(f"files: {', '.join(hit.files[:SHOWN_FILES])}" + (f" and {more} more" if more > 0 else ""))
    return [printable(line) for line in lines]
