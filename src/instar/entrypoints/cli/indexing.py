"""`instar index`."""

import json
import time
from pathlib import Path

import typer

from instar.entrypoints.cli.consent import confirm
from instar.entrypoints.cli.opening import current_folder, enclosing, inside, open_workspace
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.terminal import counted, printable
from instar.errors import RootMissingError
from instar.indexing.parts import RootReport
from instar.wiring import LOCK_SECONDS


def index(paths: tuple[Path, ...], *, rebuild: bool, yes: bool, as_json: bool, data: Path | None) -> None:
    """Bring the roots of these folders up to date and print what was done."""
    workspace = open_workspace(data)
    roots = workspace.roots()
    chosen: list[Path] = []
    for path in paths or (current_folder(),):
        root = enclosing(path.resolve(), roots)
        if root is None:
            folder = workspace.checked(path)
            confirm(workspace, folder, yes=yes)
            chosen.append(folder)
        else:
            chosen += [Path(root.path), *(Path(other.path) for other in inside(Path(root.path), roots))]
    started = time.monotonic()
    with shown(wanted=not as_json) as progress:
        reports = workspace.index(list(dict.fromkeys(chosen)), progress, wait_seconds=LOCK_SECONDS, reread=rebuild)
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps({"seconds": round(seconds, 3), "roots": [_as_json(report) for report in reports]}))
    else:
        for report in reports:
            _print(report)
        typer.echo(f"done in {seconds:.1f} s")
    missing = [report.path for report in reports if report.missing]
    if missing:
        raise RootMissingError(
            f"{missing[0]} is not there, or empty; what is stored of it was kept",
            "mount it, or run `instar roots forget PATH`",
        )


def _as_json(report: RootReport) -> dict[str, object]:
    return {
        "path": report.path,
        "read": report.read,
        "chunks": report.chunks,
        "removed": report.removed,
        "pending": report.pending,
        "skipped": report.skipped,
        "missing": report.missing,
    }


def _print(report: RootReport) -> None:
    if report.missing:
        return
    done = f"{counted(report.read, 'file')} read ({counted(report.chunks, 'chunk')}), {report.removed} removed"
    typer.echo(f"{printable(report.path)}: {done}")
    if report.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(report.skipped.items()))
        typer.echo(f"  skipped: {reasons}")
