"""The pointer, the migrations with each step of theirs, and the lease. What writes does so within a transaction."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import Any

from instar.adapters.stores.sqlite.records import GENERATION, generation_of
from instar.domain.generations import Pointer, QuerySide, Weights
from instar.domain.migrations import Cutover, Figure, Lease, Migration, Side, State, Step, Wanted, legal
from instar.errors import LeaseLostError, MigrationError

_MIGRATION = "id, former, target, made, state, cutover, throttle, started_at"


def pointer(db: sqlite3.Connection) -> Pointer | None:
    """Read the active pointer; its generation's model has the prompt that belongs to it."""
    row = db.execute(
        f"SELECT p.query, p.changed_at, {', '.join(f'g.{name}' for name in GENERATION.split(', '))}"
        " FROM pointer p JOIN generations g ON g.id = p.generation_id"
    ).fetchone()
    if row is None:
        return None
    generation = generation_of(row[2:])
    query = _query_of(json.loads(row[0])) if row[0] else QuerySide(generation.model.query_prompt)
    model = replace(generation.model, query_prompt=query.query_prompt)
    return Pointer(replace(generation, model=model), query, row[1])


def point_at(db: sqlite3.Connection, generation_id: int, query: QuerySide, at: float) -> None:
    """Write the active pointer: generation, query prompt and weights in one row."""
    db.execute(
        "INSERT INTO pointer VALUES (1, ?1, ?2, ?3) ON CONFLICT (id) DO UPDATE"
        " SET generation_id = ?1, changed_at = ?2, query = ?3",
        (generation_id, at, json.dumps(asdict(query))),
    )


# Migrations


def all_migrations(db: sqlite3.Connection) -> list[Migration]:
    """Return all of them, oldest first."""
    rows = db.execute(
        f"SELECT {_MIGRATION}, (SELECT cause FROM steps WHERE migration_id = migrations.id"
        " ORDER BY number DESC LIMIT 1) FROM migrations ORDER BY id"
    )
    return [_migration_of(row) for row in rows]


def steps(db: sqlite3.Connection, migration_id: int) -> list[Step]:
    """Return what happened to a migration, in order."""
    rows = db.execute(
        "SELECT state, at, actor, cause, figures FROM steps WHERE migration_id = ? ORDER BY number", (migration_id,)
    )
    return [Step(State(state), at, actor, cause, json.loads(figures)) for state, at, actor, cause, figures in rows]


def noted_wanted(db: sqlite3.Connection) -> Wanted | None:
    """Return what the settings wanted when that was acted on last."""
    row = db.execute("SELECT value FROM meta WHERE key = 'wanted'").fetchone()
    if row is None:
        return None
    facts = json.loads(row[0])
    return Wanted(facts["model"], facts["fingerprint"], _query_of(facts["query"]))


def lease(db: sqlite3.Connection) -> Lease | None:
    """Return the lease as it was written last, whether or not it has expired."""
    row = db.execute("SELECT holder, token, expires_at FROM lease").fetchone()
    return Lease(*row) if row else None


def end_lease(db: sqlite3.Connection, now: float) -> None:
    """Let nobody hold the lease, nor have held it: the next token, in milliseconds, is one that none was given."""
    db.execute("INSERT OR REPLACE INTO lease VALUES (1, '', ?, 0)", (round(now * 1000),))


class MigrationWriter:
    """See `instar.ports.MigrationWriter`: each method is one transaction."""

    def __init__(
        self,
        db: sqlite3.Connection,
        transaction: Callable[[], AbstractContextManager[None]],
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._transaction = transaction
        self._clock = clock

    def start(
        self, former: Side, target: Side, *, made: bool, cutover: Cutover, throttle: str, actor: str, cause: str
    ) -> int:
        """Write a migration, planned; returns its id. Raises `MigrationError` where another one is open."""
        with self._transaction():
            opened = next((each for each in all_migrations(self._db) if each.is_open), None)
            if opened is not None:
                raise MigrationError(
                    f"migration {opened.id} to {opened.target.model} is {opened.state}",
                    "`instar migrate status` shows it; `instar migrate abort` ends it",
                )
            now = self._clock()
            row = self._db.execute(
                "INSERT INTO migrations (former, target, made, state, cutover, throttle, started_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (json.dumps(asdict(former)), json.dumps(asdict(target)), made, State.PLANNED, cutover, throttle, now),
            ).fetchone()
            self._write(row[0], Step(State.PLANNED, now, actor, cause))
        return int(row[0])

    def advance(
        self, migration_id: int, state: State, actor: str, cause: str, figures: Mapping[str, Figure] | None = None
    ) -> None:
        """Write the next step. Raises `MigrationError` where it is not legal after the state the migration has."""
        with self._transaction():
            self._advance(migration_id, Step(state, self._clock(), actor, cause, figures or {}))

    def switch(
        self, migration_id: int, state: State, side: Side, actor: str, cause: str, figures: Mapping[str, Figure]
    ) -> None:
        """Write the pointer and the step that says so, at once."""
        with self._transaction():
            step = Step(state, self._clock(), actor, cause, figures)
            self._advance(migration_id, step)
            point_at(self._db, side.generation_id, side.query, step.at)

    def note_wanted(self, wanted: Wanted) -> None:
        """Note what the settings want; nothing is written where that is noted already."""
        if noted_wanted(self._db) != wanted:
            with self._transaction():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('wanted', ?)", (json.dumps(asdict(wanted)),))

    def take_lease(self, holder: str, seconds: float, gone: Callable[[str], bool]) -> Lease | None:
        """Take the lease; None where another holder's has not expired, unless it is known to be `gone`.

        One that would last longer than `seconds` from now was written before the clock was set back: it counts for
        nothing.
        """
        with self._transaction():
            held, now = lease(self._db), self._clock()
            if held is not None and now < held.expires_at <= now + seconds and not gone(held.holder):
                return None
            taken = Lease(holder, held.token + 1 if held else 1, now + seconds)
            self._db.execute(
                "INSERT INTO lease VALUES (1, ?1, ?2, ?3) ON CONFLICT (id) DO UPDATE"
                " SET holder = ?1, token = ?2, expires_at = ?3",
                (taken.holder, taken.token, taken.expires_at),
            )
        return taken

    def renew_lease(self, held: Lease, seconds: float) -> None:
        """Let the lease last for so long from now, 0 to give it back.

        Raises `LeaseLostError` where another process has taken it meanwhile. While the writer's lock is held nobody
        can: what is written after this under the same lock is written by the holder.
        """
        with self._transaction():
            expires_at = self._clock() + seconds
            done = self._db.execute("UPDATE lease SET expires_at = ? WHERE token = ?", (expires_at, held.token))
        if not done.rowcount:
            raise LeaseLostError(
                "another process goes on with the migration", "`instar migrate status` shows how far it is"
            )

    def _advance(self, migration_id: int, step: Step) -> None:
        row = self._db.execute("SELECT state FROM migrations WHERE id = ?", (migration_id,)).fetchone()
        if row is None:
            raise MigrationError(f"there is no migration {migration_id}", "`instar migrate status` shows what there is")
        if not legal(State(row[0]), step.state):
            raise MigrationError(
                f"migration {migration_id} is {row[0]}, so it cannot be {step.state} next",
                "`instar migrate status` shows what can be done",
            )
        self._db.execute("UPDATE migrations SET state = ? WHERE id = ?", (step.state, migration_id))
        self._write(migration_id, step)

    def _write(self, migration_id: int, step: Step) -> None:
        self._db.execute(
            "INSERT INTO steps VALUES"
            " (?1, (SELECT count(*) + 1 FROM steps WHERE migration_id = ?1), ?2, ?3, ?4, ?5, ?6)",
            (migration_id, step.state, step.at, step.actor, step.cause, json.dumps(dict(step.figures))),
        )


def _migration_of(row: tuple[Any, ...]) -> Migration:
    former, target = (_side_of(json.loads(text)) for text in row[1:3])
    return Migration(
        id=row[0],
        former=former,
        target=target,
        made=bool(row[3]),
        state=State(row[4]),
        cause=row[8] or "",
        cutover=Cutover(row[5]),
        throttle=row[6],
        started_at=row[7],
    )


def _side_of(facts: Mapping[str, Any]) -> Side:
    return Side(facts["generation_id"], facts["model"], _query_of(facts["query"]))


def _query_of(facts: Mapping[str, Any]) -> QuerySide:
    return QuerySide(facts["query_prompt"], Weights(**facts["weights"]))
