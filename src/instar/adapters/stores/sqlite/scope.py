"""A `Scope` as a condition over documents."""

from typing import Any

from instar.domain.search import Place, Scope


def condition(scope: Scope) -> tuple[str, list[Any]]:
    """Return SQL over the table `documents` and its parameters; the glob `scope.path` is left to the caller."""
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
    return " AND ".join(parts) or "1", values


def _place(place: Place) -> tuple[str, list[Any]]:
    if not place.folder:
        return "documents.root_id = ?", [place.root_id]
    # A range instead of LIKE: it uses the index, and no character of a path is special in it ("0" follows "/").
    sql = "documents.root_id = ? AND (documents.path = ? OR documents.path >= ? AND documents.path < ?)"
    return sql, [place.root_id, place.folder, place.folder + "/", place.folder + "0"]
