"""The command line: `instar`."""

import json
import os
import sys
from typing import Any

import click
import typer

from instar.entrypoints.cli import commands
from instar.errors import InstarError

INTERRUPTED = 130

app = typer.Typer(
    name="instar",
    help='Search code and documents by words and by meaning. Start with: instar search "your question"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
commands.register(app)


def run() -> None:
    """Run the command line; errors become one line and an exit code (see `instar.errors`)."""
    os.umask(0o077)  # what is stored may be private, so nobody else gets to read it
    try:
        code = app(standalone_mode=False)  # so that errors reach this place; an interrupt is returned as its exit code
        if code == INTERRUPTED:
            typer.echo("instar: interrupted; what was stored is consistent, run the command again to go on", err=True)
        sys.exit(code)
    except InstarError as error:
        _report(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:  # a question was left unanswered
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is left to say, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _report(error: InstarError) -> None:
    typer.echo(f"instar: {error}", err=True)
    if "--json" in sys.argv:
        facts: dict[str, Any] = {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}
        typer.echo(json.dumps({"error": facts}))
