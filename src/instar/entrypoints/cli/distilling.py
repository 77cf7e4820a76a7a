"""`instar model distill`."""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from instar.domain.models import VocabularyKind
from instar.entrypoints.cli.opening import open_workspace
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.terminal import printable
from instar.wiring.distilling import distil

BYTES_A_MEGABYTE = 1e6


def distill(
    name: str, *, dimensions: int, vocabulary: VocabularyKind, output: Path, as_json: bool, data: Path | None
) -> None:
    """Make a static model of a model, and say how to use it."""
    folder = output.expanduser().absolute()
    with shown(wanted=not as_json) as progress:
        made = distil(open_workspace(data), name, dimensions, vocabulary, folder, progress)
    if as_json:
        typer.echo(json.dumps({**asdict(made), "folder": str(folder), "model": f"static:{folder}"}))
        return
    size = made.size_bytes / BYTES_A_MEGABYTE
    typer.echo(f"{printable(str(folder))}: {made.tokens:,} tokens of {dimensions} dimensions, {size:.1f} MB")
    typer.echo(f"use it as   static:{printable(str(folder))}")
    typer.echo(f"or name it  instar model add NAME --provider static --source {printable(str(folder))}")
