"""The commands and their options; the work is in the modules beside this one."""

from pathlib import Path
from typing import Annotated

import typer

from instar.domain.corpus import SourceKind
from instar.domain.embedding import Domain, Side, VectorFormat
from instar.domain.models import VocabularyKind
from instar.domain.search import Mode
from instar.domain.sessions import Role

Data = Annotated[Path | None, typer.Option("--data", help="The data folder (or INSTAR_DATA).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Index an unknown folder without asking.")]
Model = Annotated[str | None, typer.Option(help="A model, by name; else the wanted one.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A name of `instar model list`, or provider:name.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Folders; without any, the current one.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add all commands to `app`."""
    app.command()(search)
    app.command()(index)
    app.command()(status)
    app.command()(verify)
    app.command()(config)
    roots_app = typer.Typer(help="List the folders that are indexed, or forget one.", invoke_without_command=True)
    roots_app.callback()(roots)
    roots_app.command("forget")(forget)
    app.add_typer(roots_app, name="roots")
    model_app = typer.Typer(help="List, show, check, add and distil embedding models.", no_args_is_help=True)
    model_app.command("list")(model_list)
    model_app.command("show")(model_show)
    model_app.command("check")(model_check)
    model_app.command("add")(model_add)
    model_app.command()(distill)
    app.add_typer(model_app, name="model")
    app.command()(embed)
    app.command()(similarity)
    app.callback(invoke_without_command=True)(version)


def version(
    *,
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Search code, documents and sessions with coding agents by words and by meaning."""
    if show:
        from instar import __version__

        typer.echo(f"instar {__version__}")
        raise typer.Exit


def search(
    query: Annotated[str, typer.Argument(help="A question, in words or code.")],
    paths: Paths = None,
    *,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, max=1000, help="Hits wanted.")] = None,
    mode: Annotated[Mode, typer.Option(help="Which arms answer.")] = Mode.HYBRID,
    source: Annotated[SourceKind | None, typer.Option(help="Only code, only documents, or only sessions.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language, as `python` or `py`.")] = None,
    path: Annotated[
        str | None, typer.Option("--path", help="Only paths that fit this glob, as `src/**/*.py`; one.")
    ] = None,
    repo: Annotated[str | None, typer.Option("--repo", help="Only this git repository, by name.")] = None,
    project: Annotated[
        str | None, typer.Option(help="Only sessions that began in a folder of this name, or one that fits this glob.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="Only this session: its id, or how it begins.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only what was said on this git branch.")] = None,
    role: Annotated[Role | None, typer.Option(help="Only what this one said or did in a session.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only turns since then: 2026-02-01, 2026-02-01T10:30, or an age as 7d or 12h.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only turns up to then; a day counts in full.")] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="One hit a file, as many as fit in so many tokens.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Search all roots.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh/--no-refresh", help="Look for changed files first.")] = True,
    yes: Yes = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Index what is new below the current folder, then answer.

    Sessions with coding agents answer too, where `instar index --sessions` was run once.
    """
    from instar.entrypoints.cli import searching

    options = searching.Options(
        query=query,
        paths=tuple(paths or ()),
        limit=limit,
        mode=mode,
        source=source,
        language=language,
        path=path,
        repository=repo,
        project=project,
        session=session,
        branch=branch,
        role=role,
        since=since,
        until=until,
        budget=budget,
        everywhere=everywhere,
        refresh=refresh,
        yes=yes,
        as_json=as_json,
        data=data,
    )
    searching.search(options)


def index(
    paths: Paths = None,
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read every file again, and make anew the vectors of a changed model.")
    ] = False,
    sessions: Annotated[
        bool | None,
        typer.Option(
            "--sessions/--no-sessions",
            help="From now on read the sessions with coding agents that began in these folders; or delete them again.",
            show_default=False,
        ),
    ] = None,
    sessions_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--sessions-from",
            metavar="DIR",
            help="Where the transcripts lie; without it, where Claude Code and Codex keep them.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Sessions of these projects belong here: a glob over the folder they began in, as `**/app-*`.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Read what is new or changed in these folders and their sessions, and bring their index up to date."""
    from instar.entrypoints.cli import indexing

    options = indexing.Options(
        paths=tuple(paths or ()),
        rebuild=rebuild,
        sessions=sessions,
        sessions_from=tuple(sessions_from or ()),
        projects=tuple(project or ()),
        yes=yes,
        as_json=as_json,
        data=data,
    )
    indexing.index(options)


def status(*, as_json: Json = False, data: Data = None) -> None:
    """Show roots, counts, what was skipped and why, generations and sizes."""
    from instar.entrypoints.cli import reporting

    reporting.status(as_json=as_json, data=data)


def verify(*, as_json: Json = False, data: Data = None) -> None:
    """Check everything against its checksums, and rebuild what can be rebuilt."""
    from instar.entrypoints.cli import reporting

    reporting.verify(as_json=as_json, data=data)


def config(*, as_json: Json = False, data: Data = None) -> None:
    """Show every setting, its value and where it comes from."""
    from instar.entrypoints.cli import reporting

    reporting.config(as_json=as_json, data=data)


def roots(context: typer.Context, *, as_json: Json = False, data: Data = None) -> None:
    """List the folders that are indexed."""
    context.obj = (as_json, data)  # they may stand before the subcommand, and must not be lost on it
    if context.invoked_subcommand is None:
        from instar.entrypoints.cli import reporting

        reporting.roots(as_json=as_json, data=data)


def forget(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A root, as `instar roots` shows it.")],
    *,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Delete a root with everything that is stored of it; the folder itself is not touched."""
    from instar.entrypoints.cli import reporting

    group_json, group_data = context.obj
    reporting.forget(path, as_json=as_json or group_json, data=data or group_data)


def model_list(*, as_json: Json = False, data: Data = None) -> None:
    """List the models that can be named, which one is wanted, and which one answers now."""
    from instar.entrypoints.cli import models

    models.list_models(as_json=as_json, data=data)


def model_show(name: Name, *, as_json: Json = False, data: Data = None) -> None:
    """Show all that is known of a model and where that comes from: catalogue, your models.toml, the running model."""
    from instar.entrypoints.cli import models

    models.show(name, as_json=as_json, data=data)


def model_check(
    name: Name,
    *,
    base_url: Annotated[str | None, typer.Option(help="Ask the server there.", show_default=False)] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Check that a model works here and that what it returns is sound; nothing is changed."""
    from instar.entrypoints.cli import models

    models.check(name, base_url, as_json=as_json, data=data)


def model_add(
    name: Annotated[str, typer.Argument(help="The name it is to have.")],
    *,
    provider: Annotated[
        str | None, typer.Option(help="static, onnx, gguf, st, ollama or openai.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Its name there, or its folder or file.", show_default=False)
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Where its server is.", show_default=False)] = None,
    query_prompt: Annotated[str | None, typer.Option(help="Put before questions.", show_default=False)] = None,
    document_prompt: Annotated[str | None, typer.Option(help="Put before documents.", show_default=False)] = None,
    truncation: Annotated[int | None, typer.Option(min=1, help="Dimensions to keep.", show_default=False)] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Handed to the provider.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove it from your models.toml instead.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write a model into your models.toml, in place of what stood there under its name."""
    from instar.entrypoints.cli import models

    if remove:
        models.remove(name, as_json=as_json, data=data)
        return
    addition = models.Addition(
        name=name,
        provider=provider,
        source=source,
        base_url=base_url,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        truncation=truncation,
        options=tuple(option or ()),
    )
    models.add(addition, as_json=as_json, data=data)


def embed(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT …", help="Without any, standard input is one text.")
    ] = None,
    *,
    model: Model = None,
    domain: Annotated[Domain, typer.Option(help="What the texts are. One model serves both alike.")] = Domain.TEXT,
    role: Annotated[Side, typer.Option(help="As what they are embedded: this chooses the prompt.")] = Side.DOCUMENT,
    form: Annotated[
        VectorFormat | None, typer.Option("--format", help="How vectors are printed; else float.", show_default=False)
    ] = None,
    compress: Annotated[bool, typer.Option("--compress", help="int8 in base64, behind its scale.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Print the vectors of texts, one a line."""
    from instar.entrypoints.cli import embedding

    options = embedding.Options(
        texts=tuple(texts or ()),
        model=model,
        domain=domain,
        role=role,
        form=form,
        compress=compress,
        as_json=as_json,
        data=data,
    )
    embedding.embed(options)


def similarity(
    query: Annotated[str, typer.Argument(help="A question.")],
    text: Annotated[str, typer.Argument(help="A text that may answer it.")],
    *,
    model: Model = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Print the cosine of a question and a text, from -1 to 1; of two models they cannot be compared."""
    from instar.entrypoints.cli import embedding

    embedding.similarity(query, text, model, as_json=as_json, data=data)


def distill(
    name: Annotated[str, typer.Argument(help="The model to learn from, as in the setting `model`.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the static model.")],
    dimensions: Annotated[int, typer.Option(min=1, help="Length of its vectors.")] = 256,
    vocabulary: Annotated[
        VocabularyKind,
        typer.Option(help="Words of the built-in model; or of the corpus as well, whose passages then teach, too."),
    ] = VocabularyKind.CORPUS,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a static model, a hundred times as fast, of any other."""
    from instar.entrypoints.cli import distilling

    distilling.distill(name, dimensions=dimensions, vocabulary=vocabulary, output=output, as_json=as_json, data=data)
