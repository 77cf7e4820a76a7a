"""`instar migrate`, `rollback`, `generations` and `retire`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from instar.domain.migrations import Cutover, Migration, State, Step
from instar.entrypoints.cli.generations import generations_as_json, in_words
from instar.entrypoints.cli.opening import open_workspace
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import MigrationError
from instar.migration.build import ASKED_FOR
from instar.wiring import Workspace

NEXT = {
    State.PLANNED: "`instar migrate resume` begins it",
    State.BUILDING: "`instar migrate resume` goes on with it where nobody does",
    State.PAUSED: "`instar migrate resume` goes on, `instar migrate abort` ends it",
    State.CHECKING: "`instar migrate resume` goes on with it where nobody does",
    State.READY: "`instar migrate cutover` makes it active",
    State.ACTIVE: "`instar rollback` goes back; `instar retire ID` deletes the former generation for good",
}
"""What can be done, by state."""


def start(model: str, cutover: Cutover, *, as_json: bool, data: Path | None) -> None:
    """Begin a migration and work on it until it is done, or a person has to decide."""
    workspace = open_workspace(data)
    if not workspace.has_corpus():
        raise MigrationError("there is no index yet, so there is nothing to change", "run `instar index PATH` first")
    embedder = workspace.models.named(model)
    workspace.migrations.start(embedder, cutover=cutover, throttle="", cause=ASKED_FOR)
    _work(workspace, as_json=as_json)


def resume(*, as_json: bool, data: Path | None) -> None:
    """Go on with the open migration, after a pause or where nobody works on it."""
    workspace = open_workspace(data)
    migration = workspace.migrations.commands.open_one()
    if migration is None:
        raise MigrationError("no migration is on its way", "`instar migrate start MODEL` begins one")
    if migration.state is State.PAUSED:
        workspace.migrations.commands.resume(ASKED_FOR)
    _work(workspace, as_json=as_json)


def pause(*, as_json: bool, data: Path | None) -> None:
    """Let the build rest."""
    workspace = open_workspace(data)
    _show(workspace, workspace.migrations.commands.pause(ASKED_FOR), as_json=as_json)


def abort(*, as_json: bool, data: Path | None) -> None:
    """End the open migration."""
    workspace = open_workspace(data)
    _show(workspace, workspace.migrations.commands.abort(ASKED_FOR), as_json=as_json)


def cutover(*, as_json: bool, data: Path | None) -> None:
    """Make what is ready active."""
    workspace = open_workspace(data)
    _show(workspace, workspace.migrations.cut_over(ASKED_FOR), as_json=as_json)


def status(*, as_json: bool, data: Path | None) -> None:
    """Show the last migration with each step of it."""
    workspace = open_workspace(data)
    _show(workspace, workspace.migrations.commands.last() if workspace.has_corpus() else None, as_json=as_json)


def rollback(*, as_json: bool, data: Path | None) -> None:
    """Make the former generation active again."""
    workspace = open_workspace(data)
    _show(workspace, workspace.migrations.commands.roll_back(ASKED_FOR), as_json=as_json)


def retire(generation_id: int, *, as_json: bool, data: Path | None) -> None:
    """Delete a generation for good."""
    workspace = open_workspace(data)
    before = _bytes(workspace)
    workspace.migrations.commands.retire(generation_id, ASKED_FOR)
    workspace.store.close()
    freed = max(before - _bytes(workspace), 0)
    if as_json:
        typer.echo(json.dumps({"retired": generation_id, "freed_bytes": freed}))
    else:
        typer.echo(f"generation {generation_id} deleted: {freed / 1e6:,.1f} MB given back")


def generations(*, as_json: bool, data: Path | None) -> None:
    """List the generations."""
    workspace = open_workspace(data)
    facts = generations_as_json(workspace) if workspace.has_corpus() else []
    if as_json:
        typer.echo(json.dumps({"generations": facts}))
        return
    for one in facts:
        typer.echo("\n".join(in_words(one, facts)))


def _work(workspace: Workspace, *, as_json: bool) -> None:
    try:
        with shown(wanted=not as_json) as progress:
            workspace.migrations.work(progress)
    finally:
        _show(workspace, workspace.migrations.commands.last(), as_json=as_json)


def _show(workspace: Workspace, migration: Migration | None, *, as_json: bool) -> None:
    facts = _facts(workspace, migration)
    if as_json:
        typer.echo(json.dumps({"migration": facts}))
        return
    if migration is None or facts is None:
        typer.echo("no migration yet: `instar migrate start MODEL` begins one")
        return
    typer.echo(
        printable(f"migration {migration.id}: {migration.former.model} -> {migration.target.model}, {migration.state}")
    )
    if migration.is_open:
        typer.echo(f"  {counted(facts['missing'], 'text')} of {facts['texts']:,} to embed")
    for step in facts["steps"]:
        at = datetime.fromtimestamp(step["at"]).astimezone().isoformat(" ", "seconds")
        figures = ", ".join(f"{name} {value}" for name, value in step["figures"].items())
        typer.echo(printable(f"  {at}  {step['state']}: {step['cause']}" + (f" ({figures})" if figures else "")))
    if migration.state in NEXT:
        typer.echo(f"next: {NEXT[migration.state]}")


def _facts(workspace: Workspace, migration: Migration | None) -> dict[str, Any] | None:
    if migration is None:
        return None
    with workspace.store.snapshot() as snapshot:
        state = snapshot.completeness(migration.target.generation_id)
        steps = [_step(step) for step in snapshot.steps(migration.id)]
    return {
        "id": migration.id,
        "from": {"generation": migration.former.generation_id, "model": migration.former.model},
        "to": {"generation": migration.target.generation_id, "model": migration.target.model},
        "state": migration.state.value,
        "cutover": migration.cutover.value,
        "texts": state.texts,
        "missing": state.missing,
        "steps": steps,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "state": step.state.value,
        "at": step.at,
        "actor": step.actor,
        "cause": step.cause,
        "figures": dict(step.figures),
    }


def _bytes(workspace: Workspace) -> int:
    return sum(path.stat().st_size for path in workspace.settings.data.rglob("*") if path.is_file())
