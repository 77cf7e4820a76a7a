"""What the commands can be told, as typer reads it: types of their parameters that several share, or that are long."""

from pathlib import Path
from typing import Annotated

import typer

from instar.domain.corpus import SourceKind
from instar.domain.search import Mode
from instar.domain.sessions import Role

Data = Annotated[Path | None, typer.Option("--data", help="The data folder (or INSTAR_DATA).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Index an unknown folder without asking.")]
Model = Annotated[str | None, typer.Option(help="A model, by name; else the wanted one.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A name of `instar model list`, or provider:name.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Folders; without any, the current one.", show_default=False)]

# A search

Question = Annotated[str, typer.Argument(help="A question, in words or code.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, max=1000, help="Hits wanted.")]
Arms = Annotated[Mode, typer.Option(help="Which arms answer.")]
Kind = Annotated[SourceKind | None, typer.Option(help="Only code, only documents, or only sessions.")]
Language = Annotated[str | None, typer.Option(help="Only this language, as `python` or `py`.")]
PathGlob = Annotated[str | None, typer.Option("--path", help="Only paths that fit this glob, as `src/**/*.py`; one.")]
Repository = Annotated[str | None, typer.Option("--repo", help="Only this git repository, by name.")]
Project = Annotated[
    str | None, typer.Option(help="Only sessions that began in a folder of this name, or one that fits this glob.")
]
Session = Annotated[str | None, typer.Option(help="Only this session: its id, or how it begins.")]
Branch = Annotated[str | None, typer.Option(help="Only what was said on this git branch.")]
Speaker = Annotated[Role | None, typer.Option(help="Only what this one said or did in a session.")]
Since = Annotated[
    str | None, typer.Option(help="Only turns since then: 2026-02-01, 2026-02-01T10:30, or an age as 7d or 12h.")
]
Until = Annotated[str | None, typer.Option(help="Only turns up to then; a day counts in full.")]
Budget = Annotated[int | None, typer.Option(min=1, help="One hit a file, as many as fit in so many tokens.")]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="Search all roots.")]
Refresh = Annotated[bool, typer.Option("--refresh/--no-refresh", help="Look for changed files first.")]

# An index

Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Read every file again, and make anew the vectors of a changed model.")
]
Sessions = Annotated[
    bool | None,
    typer.Option(
        "--sessions/--no-sessions",
        help="From now on read the sessions with coding agents that began in these folders; or delete them again.",
        show_default=False,
    ),
]
SessionsFrom = Annotated[
    list[Path] | None,
    typer.Option(
        "--sessions-from",
        metavar="DIR",
        help="Where the transcripts lie; without it, where Claude Code and Codex keep them.",
        show_default=False,
    ),
]
Projects = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Sessions of these projects belong here: a glob over the folder they began in, as `**/app-*`.",
        show_default=False,
    ),
]

# A model

Provider = Annotated[str | None, typer.Option(help="static, onnx, gguf, st, ollama or openai.", show_default=False)]
Source = Annotated[str | None, typer.Option(help="Its name there, or its folder or file.", show_default=False)]
BaseUrl = Annotated[str | None, typer.Option(help="Where its server is.", show_default=False)]
QueryPrompt = Annotated[str | None, typer.Option(help="Put before questions.", show_default=False)]
DocumentPrompt = Annotated[str | None, typer.Option(help="Put before documents.", show_default=False)]
Truncation = Annotated[int | None, typer.Option(min=1, help="Dimensions to keep.", show_default=False)]
ProviderOptions = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="Handed to the provider.", show_default=False)
]
Remove = Annotated[bool, typer.Option("--remove", help="Remove it from your models.toml instead.")]
