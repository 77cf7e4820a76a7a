"""The command line: `instar`."""

import json
import os
import sys

import click
import typer
from typer.core import TyperGroup

from instar.entrypoints.cli import commands
from instar.entrypoints.cli.terminal import printable
from instar.errors import InstarError, UsageError

INTERRUPTED = 130


class _Commands(TyperGroup):
    """Ends quietly where the reader of our output has gone (`| head`), which typer takes for a failure."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _silence_output()
            return 0


app = typer.Typer(
    cls=_Commands,
    name="instar",
    help="Search code, documents and sessions with coding agents by words and by meaning."
    ' Start with: instar search "your question"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
commands.register(app)


def run() -> None:
    """Run the command line; errors become one line and an exit code (see `instar.errors`)."""
    os.umask(0o077)  # what is stored may be private, so nobody else gets to read it
    try:
        _check_arguments()
        code = app(standalone_mode=False)  # so that errors reach this place; an interrupt is returned as its exit code
        if code == INTERRUPTED:
            typer.echo("instar: interrupted; what was stored is consistent, run the command again to go on", err=True)
        sys.stdout.flush()  # here, where a full disk can still be reported
        sys.exit(code)
    except InstarError as error:
        _report(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        _report_as_json("UsageError", error.format_message(), "see --help")
        sys.exit(error.exit_code)
    except click.Abort:  # a question was left unanswered, and its line is not at an end
        typer.echo("\ninstar: nothing was done", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _silence_output()
        sys.exit(0)
    except OSError as error:  # of our output: those of the data folder and the sources have errors of their own
        _silence_output()
        typer.echo(f"instar: {printable(str(error))}", err=True)
        sys.exit(InstarError.exit_code)


def _silence_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: InstarError) -> None:
    typer.echo(f"instar: {printable(str(error))}", err=True)
    _report_as_json(type(error).__name__, error.message, error.remedy)


def _report_as_json(kind: str, message: str, remedy: str) -> None:
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": {"kind": kind, "message": message, "remedy": remedy}}))


def _check_arguments() -> None:
    """Raise `UsageError` for an argument that is not UTF-8: nothing that is stored could fit it."""
    for argument in sys.argv[1:]:
        if not argument.isascii() and argument.encode("utf-8", "ignore") != argument.encode("utf-8", "surrogateescape"):
            raise UsageError(f"the argument {argument!r} is not UTF-8", "write it in UTF-8")
