"""A `Scope` as a condition over documents."""

from collections.abc import Callable
from typing import Any

from instar.domain.corpus import SourceKind
from instar.domain.globs import glob_pattern
from instar.domain.search import Place, Scope


def condition(scope: Scope) -> tuple[str, list[Any]]:
    """Return SQL over the table `documents` and its parameters.

    Globs are left to the caller (`fitting`), and so is what tells the turns of a session apart (`chunk_condition`).
    """
    parts: list[str] = []
    values: list[Any] = []
    if scope.places is not None:
        places = [_place(place) for place in scope.places]
        parts.append(f"({' OR '.join(sql for sql, _ in places) or '0'})")
        values.extend(value for _, of_place in places for value in of_place)
    for column, value in (
        ("source", scope.source),
        ("language", scope.language),
        ("repository", scope.repository),
    ):
        if value is not None:
            parts.append(f"documents.{column} = ?")
            values.append(value)
    if scope.path is not None:  # a session has no path in the root
        parts.append(f"documents.source <> '{SourceKind.SESSIONS}'")
    if scope.project is not None:
        parts.append(f"documents.source = '{SourceKind.SESSIONS}'")
    if scope.session is not None:
        parts.append("documents.id IN (SELECT document_id FROM sessions WHERE session = ?)")
        values.append(scope.session)
    return " AND ".join(parts) or "1", values


def chunk_condition(scope: Scope, turn_id: str) -> tuple[str, list[Any]]:
    """Return SQL over a column with the turn of a chunk, and its parameters: what tells chunks of a document apart."""
    turns, values = _of_turns(scope)
    # One turn is looked up for each chunk: a subquery of all turns that fit would be made anew for every question.
    return (f"EXISTS (SELECT 1 FROM turns WHERE turns.id = {turn_id} AND {turns})" if turns else "1"), values


def fitting(scope: Scope) -> Callable[[str, str], bool] | None:
    """Return a test of (path of a document, folder of its session) by the globs of a scope, None without any."""
    if scope.path is None and scope.project is None:
        return None
    path = glob_pattern(scope.path).fullmatch if scope.path is not None else None
    project = _project(scope.project) if scope.project is not None else None
    return lambda its, folder: (path is None or path(its) is not None) and (project is None or project(folder))


def _project(named: str) -> Callable[[str], bool]:
    """Return a test of the folder a session began in."""
    if not set("*?[/") & set(named):
        return lambda folder: folder.rpartition("/")[2] == named
    fits = glob_pattern(named).fullmatch
    return lambda folder: fits(folder.strip("/")) is not None


def _of_turns(scope: Scope) -> tuple[str, list[Any]]:
    """Return SQL over the table `turns` and its parameters, "" where turns are not told apart."""
    wanted = [
        (sql, value)
        for sql, value in (
            ("role = ?", scope.role),
            ("branch = ?", scope.branch),
            ("at >= ?", scope.since),
            ("at < ?", scope.until),
        )
        if value is not None
    ]
    return " AND ".join(sql for sql, _ in wanted), [value for _, value in wanted]


def _place(place: Place) -> tuple[str, list[Any]]:
    if not place.folder:
        return "documents.root_id = ?", [place.root_id]
    # A range instead of LIKE: it uses the index, and no character of a path is special in it ("0" follows "/").
    sql = "documents.root_id = ? AND (documents.path = ? OR documents.path >= ? AND documents.path < ?)"
    return sql, [place.root_id, place.folder, place.folder + "/", place.folder + "0"]
