"""Asking before an unknown folder is read, or a corpus is replaced."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from instar.domain.corpus import Root
from instar.domain.sources import FileState
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import UsageError
from instar.wiring import Workspace
from instar.wiring.sources import tree_source

MOST_UNASKED_FILES = 5_000
"""Where nobody can be asked, a larger folder needs `--yes`."""
BYTES_A_CHUNK = 1_300
CHUNKS_A_SECOND = 2_500
"""Rough figures for the forecast, measured on ten Python packages on one core; files that turn out to have no text make
it too high."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What indexing a folder will take."""

    files: int
    chunks: int
    seconds: float


def forecast(workspace: Workspace, path: Path) -> Forecast:
    """Walk the folder, reading nothing."""
    source = tree_source(workspace.settings, Root(0, str(path), 0.0, None, 0), workspace.roots())
    sizes = [entry.size for entry in source.scan() if isinstance(entry, FileState)]
    chunks = sum(-(-size // BYTES_A_CHUNK) for size in sizes)
    return Forecast(len(sizes), chunks, chunks / CHUNKS_A_SECOND)


def confirm(workspace: Workspace, path: Path, *, yes: bool) -> None:
    """Ask whether an unknown folder may be indexed; raises `UsageError` where the answer is no."""
    expected = forecast(workspace, path)
    typer.echo(
        f"{printable(str(path))} is not indexed yet: {counted(expected.files, 'file')},"
        f" about {counted(expected.chunks, 'chunk')}, {max(1, round(expected.seconds))} s",
        err=True,
    )
    if yes:
        return
    if _somebody_there():
        if not typer.confirm("Index it?", default=True, err=True):
            raise UsageError("nothing was indexed", "name another folder, or use --everywhere")
    elif expected.files > MOST_UNASKED_FILES:
        raise UsageError(
            f"{path} holds {expected.files:,} files, more than {MOST_UNASKED_FILES:,}",
            "pass --yes to index it all the same",
        )


def confirm_replacing(what: str, data: Path, file: Path, *, yes: bool) -> None:
    """Ask whether a corpus may be replaced by a backup; raises `UsageError` where the answer is no, or none is had."""
    typer.echo(printable(f"{file} replaces the corpus in {data}: {what}"), err=True)
    if yes:
        return
    if not _somebody_there():
        raise UsageError("there is a corpus already", "pass --yes to replace it, or name another folder with --data")
    if not typer.confirm("Replace it?", default=False, err=True):
        raise UsageError("nothing was restored", "name another folder with --data")


def _somebody_there() -> bool:
    """Whether a person can be asked; a closed stream is None."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
