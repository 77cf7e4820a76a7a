"""`instar search`."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

import typer

from instar.domain.corpus import Root
from instar.domain.generations import Generation
from instar.domain.globs import glob_pattern
from instar.domain.search import Hit, Mode, Scope, SearchAnswer, SearchRequest
from instar.entrypoints.cli.consent import confirm
from instar.entrypoints.cli.filters import check_project, check_together, why_nothing_fits
from instar.entrypoints.cli.generations import LOOKED_AT, MOVED
from instar.entrypoints.cli.opening import current_folder, enclosing, inside, open_workspace, places
from instar.entrypoints.cli.progress import shown
from instar.entrypoints.cli.sessions import citation, details, named_session
from instar.entrypoints.cli.terminal import clipped, counted, printable
from instar.entrypoints.cli.times import ago, iso, point_in_time
from instar.errors import BusyError, DamagedError, DiskFullError, ModelError, UsageError
from instar.search.presenting import fit, snippet
from instar.wiring import Workspace

SYMBOL_CHARACTERS = 80
BUDGET_CANDIDATES = 50
"""Hits fetched before they are fitted to a token budget, for one a file is kept."""

FIRST_FILL_SECONDS = 10.0
"""For the vectors of a folder that is new: enough for some 30,000 chunks with the built-in model. One that takes 40 ms
a text would keep a question waiting for 20 minutes; what it has not reached is counted as pending."""
MOMENT = 0.1
"""How long a search waits for the lock, in seconds: one that embeds holds it for some milliseconds a batch."""
LINE_CHARACTERS = 160
"""Of a line in a readable list: about two lines of a terminal."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    query: str
    paths: tuple[Path, ...]
    limit: int | None
    mode: Mode
    source: str | None
    language: str | None
    path: str | None
    repository: str | None
    project: str | None
    session: str | None
    branch: str | None
    role: str | None
    since: str | None
    until: str | None
    budget: int | None
    everywhere: bool
    refresh: bool
    yes: bool
    as_json: bool
    data: Path | None


def search(options: Options) -> None:
    """Index what is new, answer and print."""
    if not options.query.strip():
        raise UsageError("the question is empty", 'ask something, as: instar search "where are retries decided"')
    workspace = open_workspace(options.data, brief=True)
    if options.path is not None:
        glob_pattern(options.path)  # before anything is read: a malformed one is refused
    if options.project is not None:
        check_project(options.project)
    filters = _filters(options)
    check_together(filters)
    asked = _asked(workspace, options)
    notes = _prepare(workspace, options, asked)
    request, covered = _request(workspace, options, asked, filters)
    answer = workspace.search(request)
    problem = workspace.wanted_problem
    if problem is not None:
        notes += [] if problem.message in (answer.degraded or "") else [str(problem)]
    elif answer.generation is not None and workspace.is_unsettled(answer.generation):
        typer.echo(f"note: {printable(_unwanted(workspace, answer.generation, answer.degraded))}", err=True)
    if not answer.hits:
        notes += filter(None, [why_nothing_fits(workspace, request.scope, covered)])
    hits = answer.hits if options.budget is None else fit(answer.hits, options.budget)[: options.limit]
    if answer.hits and not hits:
        notes.append("the budget is too small for the first hit")
    if options.as_json:
        typer.echo(json.dumps(_as_json(answer, hits, notes)))
    else:
        _print(answer, hits, notes)


def _unwanted(workspace: Workspace, generation: Generation, degraded: str | None) -> str:
    """Return what the settings want in place of the active generation, and how it comes to answer."""
    if workspace.is_moved(generation):
        return f"{generation.model.called} is {MOVED}: {LOOKED_AT}"
    answers = "" if degraded else f"{generation.model.called} as {generation.storage} answers, "
    comes = "switches to it" if degraded and workspace.wanted_is_ready() else "builds that, or goes on with it"
    wanted = f"{workspace.settings.model} as {workspace.storage}"
    return f"{answers}the settings want {wanted}: `instar index` {comes}"


def _prepare(workspace: Workspace, options: Options, asked: Sequence[Path]) -> list[str]:
    """Index unknown folders in full, refresh known ones within the budget; return what should be said of it."""
    if options.everywhere:
        roots = workspace.roots()
        if not roots:
            raise UsageError("nothing is indexed yet", "run `instar index PATH` first")
        return _refresh(workspace, [Path(root.path) for root in roots]) if options.refresh else []
    known: list[Path] = []
    notes: list[str] = []
    for path in asked:
        roots = workspace.roots()  # each time, for the folder before may have become one
        root = enclosing(path, roots)
        if root is not None:
            known += [Path(root.path), *(Path(other.path) for other in inside(Path(root.path), roots))]
        elif options.refresh:
            confirm(workspace, path, yes=options.yes)
            notes += _index_in_full(workspace, path)
        else:
            raise UsageError(f"{path} is not indexed", "leave out --no-refresh, or run `instar index` first")
    return notes + (_refresh(workspace, list(dict.fromkeys(known))) if options.refresh and known else [])


def _index_in_full(workspace: Workspace, path: Path) -> list[str]:
    """Read all of an unknown folder; a model of which the vectors would take long is left to `instar index`."""
    try:
        with shown() as progress:
            workspace.index([path], progress, fill_seconds=FIRST_FILL_SECONDS, build_wanted=False)
    except (DamagedError, ModelError) as error:
        return [f"{error.message}; answered by words"]
    return []


def _asked(workspace: Workspace, options: Options) -> list[Path]:
    """Return the folders named, resolved; the current one where none is, none at all for everything."""
    if options.everywhere:
        return []
    roots = workspace.roots()
    if options.paths:
        return [_named(workspace, path, roots) for path in options.paths]
    here = current_folder()
    return [here if enclosing(here, roots) else workspace.checked(here)]


def _named(workspace: Workspace, path: Path, roots: Sequence[Root]) -> Path:
    """Return a path from the command line, resolved; what is stored of a root that is not there can be asked for."""
    resolved = path.resolve()
    root = enclosing(resolved, roots)
    if root is None:
        return workspace.checked(path)
    if Path(root.path).exists() and not resolved.exists():
        raise UsageError(f"{path} is not there", "check the path")
    return resolved


def _refresh(workspace: Workspace, paths: list[Path]) -> list[str]:
    seconds = workspace.settings.refresh_seconds
    try:
        with shown(wanted=False) as progress:
            reports = workspace.index(paths, progress, seconds=seconds, wait_seconds=MOMENT, build_wanted=False)
    except BusyError:
        return ["another instar process is indexing; answered with what is there"]
    except (DamagedError, DiskFullError, ModelError) as error:
        return [f"{error.message}; answered with what is there"]
    unseen = [f"no time to look at all of {report.path}: `instar index` does" for report in reports if report.unseen]
    return unseen + [
        f"{path} is not there now, or empty; answered with what is stored of it"
        for report in reports
        for path in ([report.path] if report.missing else report.missing_sessions)
    ]


def _language(name: str | None) -> str | None:
    """Return the language of this name or extension; raises `UsageError` for an unknown one."""
    if name is None:
        return None
    from instar.chunking import LANGUAGES, detect_language

    found = name.lower() if name.lower() in LANGUAGES else detect_language(f"x.{name.lower()}", "")
    if found is None:
        raise UsageError(f"unknown language {name!r}", f"choose of {', '.join(sorted(LANGUAGES))}")
    return found


def _filters(options: Options) -> Scope:
    """Return what the options narrow, all places open and the session as it was typed."""
    now = time.time()
    return Scope(
        source=options.source,
        language=_language(options.language),
        repository=options.repository,
        path=options.path,
        project=options.project,
        session=options.session,
        role=options.role,
        branch=options.branch,
        since=point_in_time(options.since, "--since", now),
        until=point_in_time(options.until, "--until", now, end=True),
    )


def _request(
    workspace: Workspace, options: Options, asked: Sequence[Path], filters: Scope
) -> tuple[SearchRequest, list[Root]]:
    """Return the request, and the roots it covers."""
    roots = workspace.roots()
    named = places(asked, roots, whole_roots=not options.paths)
    everything = options.everywhere or {place.root_id for place in named if not place.folder} == {r.id for r in roots}
    covered = [root for root in roots if everything or any(place.root_id == root.id for place in named)]
    settings = workspace.settings
    limit = options.limit or settings.limit
    request = SearchRequest(
        query=options.query,
        scope=replace(
            filters,
            places=None if everything else named,
            session=named_session(workspace, options.session, covered),
        ),
        mode=options.mode,
        limit=limit if options.budget is None else max(limit, BUDGET_CANDIDATES),
    )
    return request, covered


# Output


def _as_json(answer: SearchAnswer, hits: tuple[Hit, ...], notes: list[str]) -> dict[str, Any]:
    generation = answer.generation
    return {
        "query": answer.request.query,
        "generation": {"id": generation.id, "model": generation.model.called} if generation else None,
        "indexed_at": iso(answer.indexed_at),
        "pending": answer.pending,
        "degraded": "; ".join(filter(None, [answer.degraded, *notes])) or None,
        "hits": [_hit_as_json(hit) for hit in hits],
    }


def _hit_as_json(hit: Hit) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "confidence": None if hit.confidence is None else round(hit.confidence, 4),
        "source": hit.source,
        "root": hit.root,
        "path": hit.path,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "language": hit.language,
        "symbol": hit.symbol or None,
        "lexical_rank": hit.lexical_rank,
        "lexical_score": None if hit.lexical_score is None else round(hit.lexical_score, 4),
        "vector_rank": hit.vector_rank,
        "vector_score": None if hit.vector_score is None else round(hit.vector_score, 4),
        "text": hit.text,
        "session": _session_as_json(hit),
        "answers": hit.answers or None,
        "files": list(hit.files),
        "related_sessions": [asdict(item) | {"timestamp": iso(item.timestamp)} for item in hit.related_sessions],
    }


def _session_as_json(hit: Hit) -> dict[str, Any] | None:
    if hit.session is None:
        return None
    turn = hit.session
    optional = {"timestamp": iso(turn.timestamp), "branch": turn.branch or None, "agent": turn.agent or None}
    return asdict(turn) | optional


def _print(answer: SearchAnswer, hits: tuple[Hit, ...], notes: list[str]) -> None:
    for hit in hits:
        arms = " ".join(
            f"{name} #{rank}" for name, rank in (("text", hit.lexical_rank), ("vector", hit.vector_rank)) if rank
        )
        place = citation(hit.session) if hit.session else f"{printable(_shown_path(hit))}:{hit.start_line}"
        typer.secho(place, bold=True, nl=False)
        # What was said stands under no definition, only under headings of its own.
        symbol = "" if hit.session else shorten(printable(hit.symbol), SYMBOL_CHARACTERS, placeholder=" …")
        typer.echo(f"  {symbol}  [{arms}]" if symbol else f"  [{arms}]")
        for detail in details(hit):
            typer.echo(f"  {detail}")
        for number, line, matches in snippet(hit, answer.request.query):
            shown_number = "" if hit.session else number  # a line of the text is none of the transcript
            typer.echo(f"{'>' if matches else ' '}{shown_number:>6}  {clipped(printable(line), LINE_CHARACTERS)}")
        typer.echo()
    if not hits:
        typer.echo("nothing found")
    typer.secho(_freshness(answer, len(hits)), dim=True, err=True)
    for note in filter(None, [answer.degraded, *notes]):
        typer.echo(f"note: {printable(note)}", err=True)


def _shown_path(hit: Hit) -> str:
    """Return the path from the current folder where both lie in one root, else the whole path."""
    full = Path(hit.root) / hit.path
    try:
        here = Path.cwd()
    except FileNotFoundError:  # deleted
        return str(full)
    near = full.is_relative_to(here) or here.is_relative_to(hit.root)
    return os.path.relpath(full, here) if near else str(full)


def _freshness(answer: SearchAnswer, shown_hits: int) -> str:
    when = "not scanned in full yet" if answer.indexed_at is None else f"indexed {ago(time.time() - answer.indexed_at)}"
    model = f", model {answer.generation.model.called}" if answer.generation else ""
    pending = f", {counted(answer.pending, 'document')} pending" if answer.pending else ""
    return f"{counted(shown_hits, 'hit')}, {when}{pending}{model}"
