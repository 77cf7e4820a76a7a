"""The commands and their options; the work is in the modules beside this one."""

from pathlib import Path
from typing import Annotated

import typer

from instar.domain.embedding import Domain, Side, VectorFormat
from instar.domain.models import VocabularyKind
from instar.domain.search import Mode
from instar.entrypoints.cli import migration_commands
from instar.entrypoints.cli.arguments import (
    Arms,
    BaseUrl,
    Branch,
    Budget,
    Data,
    DocumentPrompt,
    Everywhere,
    Json,
    Kind,
    Language,
    Limit,
    Model,
    Name,
    PathGlob,
    Paths,
    Project,
    Projects,
    Provider,
    ProviderOptions,
    QueryPrompt,
    Question,
    Rebuild,
    Refresh,
    Remove,
    Repository,
    Session,
    Sessions,
    SessionsFrom,
    Since,
    Source,
    Speaker,
    Truncation,
    Until,
    Yes,
)


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
    migration_commands.register(app)
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
    query: Question,
    paths: Paths = None,
    *,
    limit: Limit = None,
    mode: Arms = Mode.HYBRID,
    source: Kind = None,
    language: Language = None,
    path: PathGlob = None,
    repo: Repository = None,
    project: Project = None,
    session: Session = None,
    branch: Branch = None,
    role: Speaker = None,
    since: Since = None,
    until: Until = None,
    budget: Budget = None,
    everywhere: Everywhere = False,
    refresh: Refresh = True,
    yes: Yes = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Index what is new below the current folder, then answer.

    Sessions with coding agents answer too, where `instar index --sessions` was run once.
    """
    from instar.entrypoints.cli import searching

    options = searching.Options(
        query=query, paths=tuple(paths or ()), limit=limit, mode=mode, source=source, language=language, path=path,
        repository=repo, project=project, session=session, branch=branch, role=role, since=since, until=until,
        budget=budget, everywhere=everywhere, refresh=refresh, yes=yes, as_json=as_json, data=data,
    )  # fmt: skip
    searching.search(options)


def index(
    paths: Paths = None,
    *,
    rebuild: Rebuild = False,
    sessions: Sessions = None,
    sessions_from: SessionsFrom = None,
    project: Projects = None,
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
    provider: Provider = None,
    source: Source = None,
    base_url: BaseUrl = None,
    query_prompt: QueryPrompt = None,
    document_prompt: DocumentPrompt = None,
    truncation: Truncation = None,
    option: ProviderOptions = None,
    remove: Remove = False,
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
