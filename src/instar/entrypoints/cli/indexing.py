"""`instar index`."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from instar.domain.corpus import Root, SessionChoice
from instar.entrypoints.cli.consent import confirm
from instar.entrypoints.cli.generations import blocked, generations_as_json, in_words, troubles
from instar.entrypoints.cli.opening import current_folder, enclosing, inside, open_workspace
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.sessions import (
    AskedSessions,
    asked_sessions,
    none_belong,
    refuse_transcripts,
    sessions_as_json,
    sessions_in_words,
)
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import ModelError, RootMissingError
from instar.indexing.parts import RootReport
from instar.wiring import LOCK_SECONDS, Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; `sessions` is None where nothing is to change."""

    paths: tuple[Path, ...]
    rebuild: bool
    sessions: bool | None
    sessions_from: tuple[Path, ...]
    projects: tuple[str, ...]
    yes: bool
    as_json: bool
    data: Path | None


def index(options: Options) -> None:
    """Bring the roots of these folders up to date and print what was done."""
    workspace = open_workspace(options.data)
    if workspace.wanted_problem is not None:  # before anything is asked or chosen
        raise workspace.wanted_problem
    former = _former_choices(options, workspace.roots())
    sessions = asked_sessions(workspace, options.sessions_from, options.projects, former, wanted=options.sessions)
    if sessions is not None:
        refuse_transcripts(options.paths, sessions.folders)
    named, nested = _chosen(workspace, options)
    chosen = list(dict.fromkeys([*named, *nested]))
    started = time.monotonic()
    with shown(wanted=not options.as_json) as progress:
        gone = _forget_sessions(workspace, chosen) if options.sessions is False else {}
        if sessions is not None:  # those of other projects, named by a glob, belong to one root only
            _choose_sessions(workspace, named if sessions.projects else chosen, sessions)
        reports = workspace.read(chosen, progress, wait_seconds=LOCK_SECONDS, reread=options.rebuild)
    for report in reports:
        report.removed += gone.get(report.path, 0)
    held = _stored_sessions(workspace)
    if not options.as_json:
        for report in reports:
            _print(report, held.get(report.path))
    failure = _fill(workspace, options)
    generations = generations_as_json(workspace)
    seconds = time.monotonic() - started
    if options.as_json:
        facts = [_as_json(report) | {"sessions": held.get(report.path)} for report in reports]
        typer.echo(json.dumps({"seconds": round(seconds, 3), "roots": facts, "generations": generations}))
    else:
        _print_generations(generations)
        typer.echo(f"done in {seconds:.1f} s" if failure is None else f"stopped after {seconds:.1f} s")
    _print_notes(reports, held, asked_for=named if sessions is not None else ())
    for note in blocked(generations):
        typer.echo(f"note: {printable(note)}", err=True)
    _raise(failure, [report.path for report in reports if report.missing])


def _fill(workspace: Workspace, options: Options) -> ModelError | None:
    """Make the vectors, which may take long; returns why they could not be made."""
    try:
        with shown(wanted=not options.as_json) as progress:
            workspace.fill(progress, renew=options.rebuild)
    except ModelError as error:
        return error
    return None


def _print_generations(facts: Sequence[dict[str, Any]]) -> None:
    """Print the active and the wanted one; where there was never another, only what troubles it."""
    for one in facts:
        if one["active"] or one["wanted"]:
            for line in in_words(one, facts) if len(facts) > 1 else troubles(one):
                typer.echo(line)


def _raise(failure: ModelError | None, missing: Sequence[str]) -> None:
    """Raise what the run failed by, a model first."""
    if failure is not None:
        for path in missing:
            typer.echo(f"note: {printable(path)} is not there, or empty; what is stored of it was kept", err=True)
        raise failure
    if missing:
        raise RootMissingError(
            f"{missing[0]} is not there, or empty; what is stored of it was kept",
            "mount it, or run `instar roots forget PATH`",
        )


def _chosen(workspace: Workspace, options: Options) -> tuple[list[Path], list[Path]]:
    """Return the roots of the folders that are named, and the roots inside those; asks before a new one is added."""
    roots = workspace.roots()
    named: list[Path] = []
    nested: list[Path] = []
    for path in options.paths or (current_folder(),):
        root = enclosing(path.resolve(), roots)
        if root is None:
            folder = workspace.checked(path)
            confirm(workspace, folder, yes=options.yes)
            named.append(folder)
        else:
            named.append(Path(root.path))
            nested += [Path(other.path) for other in inside(Path(root.path), roots)]
    return named, nested


def _print_notes(
    reports: Sequence[RootReport], held: dict[str, dict[str, Any] | None], asked_for: Sequence[Path]
) -> None:
    """Say which folders of transcripts are not there, and where none of the sessions asked for belongs to the root."""
    for place in dict.fromkeys(place for report in reports for place in report.missing_sessions):
        typer.echo(
            f"note: {printable(place)} is not there, or empty; what is stored of its sessions was kept", err=True
        )
    for report in reports:
        stored = held.get(report.path)
        if Path(report.path) in asked_for and stored is not None and not stored["transcripts"]:
            typer.echo(f"note: {printable(none_belong(report))}", err=True)


def _former_choices(options: Options, roots: Sequence[Root]) -> list[SessionChoice | None]:
    """Return whose sessions were chosen before for each root that a new choice is for: see `index`."""
    found = [enclosing(path.resolve(), roots) for path in options.paths or (current_folder(),)]
    nested = [other for root in found if root and not options.projects for other in inside(Path(root.path), roots)]
    return [root.sessions if root else None for root in (*found, *nested)]


def _choose_sessions(workspace: Workspace, paths: Sequence[Path], asked: AskedSessions) -> None:
    former = {root.path: root.sessions for root in workspace.roots()}
    for path in dict.fromkeys(paths):
        workspace.choose_sessions([path], asked.choice(former.get(str(path))))


def _forget_sessions(workspace: Workspace, chosen: Sequence[Path]) -> dict[str, int]:
    """Delete the sessions of these roots; returns how many transcripts were stored of each."""
    gone: dict[str, int] = {}
    for root in workspace.roots():
        if root.sessions is not None and Path(root.path) in chosen:
            held = _stored_sessions(workspace)[root.path]
            gone[root.path] = held["transcripts"] if held else 0
            workspace.forget_sessions(root)
    return gone


def _as_json(report: RootReport) -> dict[str, object]:
    return {
        "path": report.path,
        "read": report.read,
        "chunks": report.chunks,
        "removed": report.removed,
        "pending": report.pending,
        "skipped": report.skipped,
        "missing": report.missing,
        "transcripts": report.transcripts,
        "turns": report.turns,
        "missing_sessions": report.missing_sessions,
    }


def _stored_sessions(workspace: Workspace) -> dict[str, dict[str, Any] | None]:
    """Return what is stored of sessions by root."""
    with workspace.store.snapshot() as snapshot:
        return {root.path: sessions_as_json(root, snapshot.session_counts(root.id)) for root in snapshot.roots()}


def _print(report: RootReport, sessions: dict[str, Any] | None) -> None:
    if report.missing:
        return
    read = counted(report.read, "file")
    if report.transcripts:
        read += f" and {counted(report.transcripts, 'transcript')} with {counted(report.turns, 'turn')}"
    done = f"{read} read ({counted(report.chunks, 'chunk')}), {report.removed} removed"
    typer.echo(f"{printable(report.path)}: {done}")
    if sessions:
        typer.echo(f"  {sessions_in_words(sessions)}")
    if report.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(report.skipped.items()))
        typer.echo(f"  skipped: {reasons}")
