"""`instar status`, `roots`, `config` and `verify`."""

import json
import os
import time
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from instar.domain.corpus import Root
from instar.entrypoints.cli.generations import LOOKED_AT, MOVED, changed, generations_as_json, in_words
from instar.entrypoints.cli.models import model_settings
from instar.entrypoints.cli.opening import open_workspace
from instar.entrypoints.cli.sessions import choice_in_words, sessions_as_json, sessions_in_words
from instar.entrypoints.cli.terminal import counted, printable
from instar.entrypoints.cli.times import ago, iso
from instar.errors import DamagedError, UsageError
from instar.settings import Settings, load
from instar.wiring import Workspace


def status(*, as_json: bool, data: Path | None) -> None:
    """Print what is there and how fresh it is."""
    workspace = open_workspace(data)
    facts = _status(workspace)
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"data folder  {printable(facts['data'])}  ({_megabytes(facts['bytes'])})")
    for generation in facts["generations"]:
        for line in in_words(generation, facts["generations"]) + changed(generation):
            typer.echo(line)
    if facts["wanted"]["problem"]:
        typer.echo(printable(f"wanted        {facts['wanted']['problem']}"))
    elif facts["wanted"]["decided"]:
        wanted = printable(workspace.settings.model)
        typer.echo(
            f"wanted        {wanted} by the settings, decided otherwise: `instar migrate start {wanted}` builds it"
        )
    elif facts["generations"] and not any(generation["wanted"] for generation in facts["generations"]):
        wanted = printable(f"{workspace.settings.model} {workspace.settings.storage}")
        texts = counted(facts["generations"][0]["texts"], "text")
        moved = any(generation["moved"] for generation in facts["generations"])
        state = f"{MOVED}: {LOOKED_AT}" if moved else f"not begun, {texts} missing: `instar index` builds it"
        typer.echo(f"wanted        {wanted}, {state}")
    for root in facts["roots"]:
        _print_root(root)
    if not facts["roots"]:
        typer.echo('nothing is indexed yet: run `instar search "…"` or `instar index PATH`')


def _print_root(root: dict[str, Any]) -> None:
    when = (
        "never in full"
        if root["indexed_at"] is None
        else ago(time.time() - datetime.fromisoformat(root["indexed_at"]).timestamp())
    )
    left = f", {counted(root['pending'], 'document')} pending" if root["pending"] else ""
    held = f"{counted(root['documents'], 'document')}, {counted(root['chunks'], 'chunk')}"
    typer.echo(f"{printable(root['path'])}\n  {held}, scanned {when}{left}")
    if root["sessions"]:
        typer.echo(f"  {choice_in_words(root['sessions'])}\n  {sessions_in_words(root['sessions'])}")
    for reason, count in sorted(root["skipped"].items()):
        typer.echo(f"  skipped {count}: {reason}")


def _status(workspace: Workspace) -> dict[str, Any]:
    folder = workspace.settings.data
    wanted: dict[str, Any] = {
        "model": workspace.settings.model,
        "storage": workspace.settings.storage,
        "problem": str(workspace.wanted_problem) if workspace.wanted_problem else None,
        "decided": False,
    }
    facts: dict[str, Any] = {"data": str(folder), "bytes": _size(folder), "wanted": wanted}
    facts |= {"roots": [], "generations": []}
    if not workspace.has_corpus():
        return facts
    facts["generations"] = generations_as_json(workspace)
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        if active is not None and not workspace.wanted_problem:
            wanted["decided"] = not (workspace.is_wanted(active) or workspace.is_unsettled(active))
        for root in snapshot.roots():
            documents, chunks = snapshot.counts(root.id)
            facts["roots"].append(
                _root(root)
                | {"documents": documents, "chunks": chunks, "skipped": snapshot.skipped(root.id)}
                | {"sessions": sessions_as_json(root, snapshot.session_counts(root.id))}
            )
    return facts


def _root(root: Root) -> dict[str, Any]:
    return {
        "path": root.path,
        "added_at": iso(root.added_at),
        "indexed_at": iso(root.scanned_at),
        "pending": root.pending,
    }


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # another process may be replacing derived files
                total += (Path(place) / name).stat().st_size
    return total


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB"


def roots(*, as_json: bool, data: Path | None) -> None:
    """List the roots."""
    found = open_workspace(data).roots()
    if as_json:
        typer.echo(json.dumps([_root(root) for root in found]))
        return
    for root in found:
        typer.echo(printable(root.path))


def forget(path: Path, *, as_json: bool, data: Path | None) -> None:
    """Delete a root with everything stored of it."""
    workspace = open_workspace(data)
    wanted = {str(path), str(path.absolute()), str(path.resolve())}
    found = next((root for root in workspace.roots() if root.path in wanted), None)
    if found is None:
        raise UsageError(f"{path} is not a root", "`instar roots` lists them")
    workspace.forget(found)
    typer.echo(json.dumps({"forgotten": found.path}) if as_json else f"forgotten: {printable(found.path)}")


def config(*, as_json: bool, data: Path | None) -> None:
    """Print every setting with its origin."""
    loaded = load(overrides={"data": data})
    rows = [
        {
            "name": item.name,
            "value": getattr(loaded.settings, item.name),
            "origin": loaded.origins[item.name],
            "help": item.metadata["help"],
        }
        for item in fields(Settings)
    ]
    rows += model_settings(Workspace(loaded.settings))
    if as_json:
        typer.echo(json.dumps(rows, default=str))
        return
    for row in rows:
        typer.echo(f"{row['name']} = {printable(str(row['value']))}   ({row['origin']})\n    {row['help']}")


def verify(*, as_json: bool, data: Path | None) -> None:
    """Check everything, mend what is derived, and fail where the database itself is damaged."""
    workspace = open_workspace(data)
    if not workspace.has_corpus():
        raise UsageError("nothing is indexed yet", "run `instar index PATH` first")
    found = workspace.verify()
    if as_json:
        facts = {"sound": not found.damage, "damage": list(found.damage), "mended": list(found.mended)}
        typer.echo(json.dumps(facts))
    else:
        for problem in found.mended:
            typer.echo(f"mended: {problem}")
        for problem in found.damage:
            typer.echo(f"damaged: {problem}")
        if not found.damage:
            typer.echo("sound")
    if found.damage:
        raise DamagedError("the database is damaged", "restore a backup, or move the data folder away and index again")
