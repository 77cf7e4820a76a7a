"""The commands that change the model that answers, and those of backups; the work is in `migrating` and `backups`."""

from pathlib import Path
from typing import Annotated

import typer

from instar.domain.migrations import Cutover
from instar.entrypoints.cli.arguments import Data, Json

Model = Annotated[str, typer.Argument(help="The name of the model that is to answer: see `instar model list`.")]
When = Annotated[
    Cutover, typer.Option("--cutover", help="When all gates are open: cut over, ask by waiting, or do not.")
]
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="What `instar backup` made.")]
Replace = Annotated[bool, typer.Option("--yes", "-y", help="Replace a corpus without asking.")]
GenerationId = Annotated[int, typer.Argument(metavar="ID", help="As `instar generations` names it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    migrate = typer.Typer(help="Change the model that answers while it answers.", no_args_is_help=True)
    migrate.command()(start)
    migrate.command()(status)
    migrate.command()(pause)
    migrate.command()(resume)
    migrate.command()(abort)
    migrate.command()(cutover)
    app.add_typer(migrate, name="migrate")
    app.command()(rollback)
    app.command()(generations)
    app.command()(retire)
    app.command()(backup)
    app.command()(restore)


def start(model: Model, *, cutover: When = Cutover.AUTO, as_json: Json = False, data: Data = None) -> None:
    """Build the vectors of a model beside those that answer, check them, and cut over."""
    from instar.entrypoints.cli import migrating

    migrating.start(model, cutover, as_json=as_json, data=data)


def status(*, as_json: Json = False, data: Data = None) -> None:
    """Show how far the last migration is, and each step of it."""
    from instar.entrypoints.cli import migrating

    migrating.status(as_json=as_json, data=data)


def pause(*, as_json: Json = False, data: Data = None) -> None:
    """Let the build rest; what is stored is kept."""
    from instar.entrypoints.cli import migrating

    migrating.pause(as_json=as_json, data=data)


def resume(*, as_json: Json = False, data: Data = None) -> None:
    """Go on with the build."""
    from instar.entrypoints.cli import migrating

    migrating.resume(as_json=as_json, data=data)


def abort(*, as_json: Json = False, data: Data = None) -> None:
    """End the migration, and delete what it made."""
    from instar.entrypoints.cli import migrating

    migrating.abort(as_json=as_json, data=data)


def cutover(*, as_json: Json = False, data: Data = None) -> None:
    """Make what is ready active."""
    from instar.entrypoints.cli import migrating

    migrating.cutover(as_json=as_json, data=data)


def rollback(*, as_json: Json = False, data: Data = None) -> None:
    """Go back to what answered before the last cut-over."""
    from instar.entrypoints.cli import migrating

    migrating.rollback(as_json=as_json, data=data)


def generations(*, as_json: Json = False, data: Data = None) -> None:
    """List the generations: their model, whether they answer, what they lack."""
    from instar.entrypoints.cli import migrating

    migrating.generations(as_json=as_json, data=data)


def retire(generation_id: GenerationId, *, as_json: Json = False, data: Data = None) -> None:
    """Delete a generation that does not answer, for good, and give its room back."""
    from instar.entrypoints.cli import migrating

    migrating.retire(generation_id, as_json=as_json, data=data)


def backup(file: NewFile, *, as_json: Json = False, data: Data = None) -> None:
    """Copy the corpus to one file, while others search and write."""
    from instar.entrypoints.cli import backups

    backups.backup(file, as_json=as_json, data=data)


def restore(file: BackupFile, *, yes: Replace = False, as_json: Json = False, data: Data = None) -> None:
    """Put a backup in place of the corpus of the data folder."""
    from instar.entrypoints.cli import backups

    backups.restore(file, yes=yes, as_json=as_json, data=data)
