"""What is stored of sessions: turns, what they answer, what they touched."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import merge
from math import inf
from typing import Any

from instar.domain.search import RelatedSession, SessionTurn
from instar.domain.sessions import Action, Role
from instar.domain.stored import SessionCounts

MOST_FILES = 10
"""Files named with a turn: what a reader takes in at a glance."""


def turns(connection: sqlite3.Connection, turn_ids: Sequence[int]) -> dict[int, SessionTurn]:
    """Return the turns that are there, by id."""
    rows = connection.execute(
        "SELECT t.id, session, turn, role, at, folder, branch, agent FROM json_each(?)"
        " CROSS JOIN turns t ON t.id = value JOIN sessions s ON s.document_id = t.document_id",
        (json.dumps(list(turn_ids)),),
    )
    return {row[0]: SessionTurn(*row[1:]) for row in rows}


def prompts(connection: sqlite3.Connection, turn_ids: Iterable[int]) -> dict[int, int]:
    """Return the first chunk of the prompt that each of these turns answers; without it where there is none."""
    rows = connection.execute(
        "SELECT t.id, min(c.id) FROM json_each(?) CROSS JOIN turns t ON t.id = value"
        " JOIN turns p ON p.document_id = t.document_id AND p.turn = t.answers"
        " JOIN chunks c ON c.turn_id = p.id GROUP BY t.id",
        (json.dumps(list(turn_ids)),),
    )
    return dict(rows.fetchall())


def files(connection: sqlite3.Connection, turn_id: int, role: str) -> tuple[str, ...]:
    """Return what a turn touched; where it is of words, what the turns touched that answer the same prompt."""
    same = "SELECT ?1"
    if role != Role.TOOL:
        same = (
            "SELECT o.id FROM turns t JOIN turns o ON o.document_id = t.document_id"
            " AND o.answers = CASE t.role WHEN ?2 THEN t.turn ELSE t.answers END WHERE t.id = ?1 AND o.answers <> ''"
            " UNION SELECT ?1"
        )
    rows = connection.execute(
        f"SELECT path FROM touches WHERE turn_id IN ({same}) GROUP BY path"
        " ORDER BY min(action = ?3), min(turn_id), path LIMIT ?4",
        (turn_id, Role.USER, Action.READ, MOST_FILES),
    )
    return tuple(row[0] for row in rows)


def related(connection: sqlite3.Connection, paths: Sequence[str], limit: int) -> dict[str, tuple[RelatedSession, ...]]:
    """Return for each absolute path the turns that touched it, edits before reads, the latest first.

    A turn that was copied counts once. A touched path is relative to the root its session belongs to, or absolute
    where the file lies outside.
    """
    roots = connection.execute("SELECT id, rtrim(path, '/') || '/' FROM roots").fetchall()
    names = {path: _names(roots, path) for path in paths}
    wanted = json.dumps(sorted({name for of_path in names.values() for name, _ in of_path}))
    rows = connection.execute(  # most files were touched by nobody, and this is asked with every question
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM touches WHERE path = value)", (wanted,)
    )
    touched = {row[0] for row in rows}
    return {
        path: _touching(connection, [named for named in of_path if named[0] in touched], limit)
        for path, of_path in names.items()
        if any(name in touched for name, _ in of_path)
    }


def _names(roots: Sequence[tuple[int, str]], path: str) -> list[tuple[str, int | None]]:
    """Return what a file may be called in a touch, each with the root whose sessions call it so (None for all)."""
    return [(path, None), *((path.removeprefix(top), root_id) for root_id, top in roots if path.startswith(top))]


def _touching(
    connection: sqlite3.Connection, names: Sequence[tuple[str, int | None]], limit: int
) -> tuple[RelatedSession, ...]:
    """Return the first `limit` of the turns that touched a file by any of its names; no more rows are read than that.

    A file may have been touched by thousands of turns, which the index holds in the order that is wanted.
    """
    cursors = [
        connection.execute(
            "SELECT touches.action = 'read', touches.at, turn_id, session, turn, action"
            " FROM touches INDEXED BY touches_of_path CROSS JOIN turns t ON t.id = turn_id"
            " CROSS JOIN documents d ON d.id = t.document_id CROSS JOIN sessions s ON s.document_id = d.id"
            f" WHERE touches.path = ? AND {'1' if root_id is None else 'd.root_id = ?'}"
            " ORDER BY touches.action = 'read', touches.at DESC, turn_id",
            (name,) if root_id is None else (name, root_id),
        )
        for name, root_id in names
    ]
    found: dict[str, RelatedSession] = {}
    for _, at, _, session, turn, action in merge(*cursors, key=_place):
        found.setdefault(turn, RelatedSession(session, turn, at, action))
        if len(found) == limit:
            break
    return tuple(found.values())


def _place(row: tuple[Any, ...]) -> tuple[bool, float, int]:
    """Return where a touch stands: edits before reads, the latest first, those of no known time last."""
    return row[0], inf if row[1] is None else -row[1], row[2]


def named(connection: sqlite3.Connection, beginning: str) -> list[tuple[str, int]]:
    """Return (id of a session, id of a root it belongs to) of those whose ids begin so, in order."""
    rows = connection.execute(
        "SELECT DISTINCT session, root_id FROM sessions JOIN documents ON documents.id = document_id"
        " WHERE substr(session, 1, length(?1)) = ?1 ORDER BY session, root_id",
        (beginning,),
    )
    return rows.fetchall()


def counts(connection: sqlite3.Connection, root_id: int) -> SessionCounts:
    """Count the sessions of a root, their transcripts and turns, and records passed over by kind."""
    rows = connection.execute(
        "SELECT session, passed_over, (SELECT count(*) FROM turns WHERE turns.document_id = documents.id)"
        " FROM documents JOIN sessions ON document_id = documents.id WHERE root_id = ?",
        (root_id,),
    ).fetchall()
    passed_over: Counter[str] = Counter()
    for row in rows:
        passed_over.update(json.loads(row[1]))
    return SessionCounts(len({row[0] for row in rows}), len(rows), sum(row[2] for row in rows), dict(passed_over))
