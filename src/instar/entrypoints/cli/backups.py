"""`instar backup` and `instar restore`."""

import json
from pathlib import Path
from typing import Any

import typer

from instar.entrypoints.cli.consent import confirm_replacing
from instar.entrypoints.cli.opening import open_workspace
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import StorageError
from instar.wiring import Workspace


def backup(file: Path, *, as_json: bool, data: Path | None) -> None:
    """Copy the corpus to one file, while others search and write."""
    workspace = open_workspace(data)
    with shown(wanted=not as_json) as progress:
        workspace.backup(file, progress)
    size = file.stat().st_size
    if as_json:
        typer.echo(json.dumps({"file": str(file.absolute()), "bytes": size}))
    else:
        typer.echo(f"{printable(str(file))}: {size / 1e6:,.1f} MB")


def restore(file: Path, *, yes: bool, as_json: bool, data: Path | None) -> None:
    """Put a backup in place of the corpus of the data folder."""
    workspace = open_workspace(data)
    replaced = _replaced(workspace)
    if replaced is not None:
        confirm_replacing(_in_words(replaced), workspace.settings.data, file, yes=yes)
    with shown(wanted=not as_json) as progress:
        workspace.restore(file, progress)
    held = _held(workspace)
    if as_json:
        typer.echo(json.dumps({"restored": str(file.absolute()), "replaced": replaced, "holds": held}))
    else:
        typer.echo(f"restored: {_in_words(held)}")


def _replaced(workspace: Workspace) -> dict[str, Any] | None:
    """Return what is there now, None where nothing is; without counts where it cannot be read."""
    try:
        return _held(workspace) if workspace.has_corpus() else None
    except StorageError as error:
        return {"roots": None, "documents": None, "problem": error.message}


def _held(workspace: Workspace) -> dict[str, Any]:
    with workspace.store.snapshot() as snapshot:
        roots = snapshot.roots()
        documents = sum(snapshot.counts(root.id)[0] for root in roots)
    return {"roots": [root.path for root in roots], "documents": documents, "problem": None}


def _in_words(held: dict[str, Any]) -> str:
    if held["problem"] is not None:
        return f"what cannot be read ({held['problem']})"
    return f"{counted(held['documents'], 'document')} of {counted(len(held['roots']), 'root')}"
