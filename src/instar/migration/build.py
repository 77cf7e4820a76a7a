"""Doing the work of the open migration: whoever holds the lease builds, has it checked, and lets it in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from instar.domain.migrations import Cutover, Figure, Lease, Migration, State
from instar.errors import LeaseLostError, MigrationError
from instar.indexing.clock import Deadline
from instar.indexing.filler import Filler
from instar.indexing.parts import Access, Indexing
from instar.migration.gates import Gate, check_gates
from instar.ports import CorpusWriter, Progress

ASKED_FOR = "asked for"
"""The cause of what a person did, as a pause that only a person ends."""
LEASE_SECONDS = 60.0
"""Renewed with every batch, of which few take longer than two seconds; one that lost it redoes a batch at most."""


class Builder:
    """Works on the open migration. `actor` is the process, for the lease and the record.

    `gone` tells of the holder of a lease whether its process has ended, where that can be told.
    """

    def __init__(
        self, access: Access, parts: Indexing, progress: Progress, actor: str, gone: Callable[[str], bool]
    ) -> None:
        self._access = access
        self._parts = parts
        self._progress = progress
        self._actor = actor
        self._gone = gone

    def work(self, *, renew: bool = False) -> Migration | None:
        """Take the open migration as far as it goes; returns how it stands then, None where there is none.

        It stays where it is while another process works on it, while it is paused, and where a person has to decide.
        `renew` has the vectors made anew of a model that has changed since it began.
        Raises `ModelError` where the model cannot be had: the migration goes on with the next call.
        """
        if self._opened() is None:
            return None
        lease = self._taken()
        if lease is None:
            return self._opened()
        try:
            return self._worked(lease, renew=renew)
        except LeaseLostError:
            return self._opened()
        finally:
            self._given_back(lease)

    def cut_over(self, cause: str) -> Migration:
        """Make the ready migration active, where nothing is missing by now; returns how it stands then.

        Raises `MigrationError` where none is ready.
        """
        migration = self._opened()
        if migration is None or migration.state is not State.READY:
            how = f"the migration is {migration.state}" if migration else "no migration is on its way"
            raise MigrationError(f"nothing is ready to be made active: {how}", "`instar migrate status` shows it")
        self._switch(self._access, migration, cause)
        return self._standing(migration)

    def _worked(self, lease: Lease, *, renew: bool) -> Migration | None:
        held = Access(self._access.reading, lambda: self._holding(lease))
        steps: dict[State, Callable[[Access, Migration], bool]] = {
            State.PLANNED: self._begin,
            State.PAUSED: self._try_again,
            State.BUILDING: partial(self._build, renew=renew),
            State.CHECKING: self._check,
            State.READY: self._let_in,
        }
        migration, going = self._opened(), True
        while migration is not None and going and migration.state in steps:
            going = steps[migration.state](held, migration)
            migration = self._standing(migration)
        return migration

    # Steps: each returns whether the next one can follow

    def _begin(self, held: Access, migration: Migration) -> bool:
        self._advance(held, migration, State.BUILDING, "begun")
        return True

    def _try_again(self, held: Access, migration: Migration) -> bool:
        """Go on after a gate that was shut; not where a person paused."""
        if migration.cause == ASKED_FOR:
            return False
        self._advance(held, migration, State.BUILDING, "tried again")
        return True

    def _build(self, held: Access, migration: Migration, *, renew: bool) -> bool:
        with held.reading() as view:
            generation = next(each for each in view.generations() if each.id == migration.target.generation_id)
        filler = Filler(held, self._parts, self._progress)
        failure = filler.bring(
            generation, Deadline(), proved=True, renew=renew, go_on=lambda _: self._is_building(migration)
        )
        if failure is not None:
            raise failure
        if not self._is_building(migration):
            return False
        self._advance(held, migration, State.CHECKING, "nothing is missing")
        return True

    def _check(self, held: Access, migration: Migration) -> bool:
        with held.writing() as writer:
            gates = self._gates(writer, migration)
            shut = [gate for gate in gates if not gate.passed]
            if not shut:
                state, cause = State.READY, "all gates are open"
            elif [gate.name for gate in shut] == ["completeness"] and not self._given_up(writer, migration):
                state, cause = State.BUILDING, "texts have come"
            else:
                state, cause = State.PAUSED, "; ".join(in_words(gate) for gate in shut)
            writer.migrations.advance(migration.id, state, self._actor, cause, figures_of(gates))
        return state is not State.PAUSED

    def _let_in(self, held: Access, migration: Migration) -> bool:
        return migration.cutover is Cutover.AUTO and self._switch(held, migration, "cut over when ready")

    def _switch(self, held: Access, migration: Migration, cause: str) -> bool:
        """Make the target active, in one write, where nothing is missing at that moment; else have it checked again."""
        with held.writing() as writer:
            missing = writer.view().completeness(migration.target.generation_id).missing
            if missing:
                writer.migrations.advance(migration.id, State.CHECKING, self._actor, "texts have come")
                return True
            writer.migrations.switch(migration.id, State.ACTIVE, migration.target, self._actor, cause, {})
        return False

    def _gates(self, writer: CorpusWriter, migration: Migration) -> list[Gate]:
        target = next(each for each in writer.view().generations() if each.id == migration.target.generation_id)
        return check_gates(writer, target)

    def _given_up(self, writer: CorpusWriter, migration: Migration) -> bool:
        return writer.view().completeness(migration.target.generation_id).quarantined > 0

    # The lease

    def _taken(self) -> Lease | None:
        with self._access.writing() as writer:
            return writer.migrations.take_lease(self._actor, LEASE_SECONDS, self._gone)

    @contextmanager
    def _holding(self, lease: Lease) -> Iterator[CorpusWriter]:
        with self._access.writing() as writer:
            writer.migrations.renew_lease(lease, LEASE_SECONDS)
            if not any(each.is_open for each in writer.view().migrations()):
                raise LeaseLostError("the migration was ended meanwhile", "`instar migrate status` shows how")
            yield writer

    def _given_back(self, lease: Lease) -> None:
        try:
            with self._access.writing() as writer:
                writer.migrations.renew_lease(lease, 0.0)
        except LeaseLostError:
            pass

    # What stands in the store

    def _opened(self) -> Migration | None:
        with self._access.reading() as view:
            return next((each for each in view.migrations() if each.is_open), None)

    def _standing(self, migration: Migration) -> Migration:
        with self._access.reading() as view:
            return next(each for each in view.migrations() if each.id == migration.id)

    def _is_building(self, migration: Migration) -> bool:
        return self._standing(migration).state is State.BUILDING

    def _advance(self, held: Access, migration: Migration, state: State, cause: str) -> None:
        with held.writing() as writer:
            writer.migrations.advance(migration.id, state, self._actor, cause)


def figures_of(gates: list[Gate]) -> dict[str, Figure]:
    """Return what the gates found, by their names."""
    return {gate.name: gate.figure for gate in gates}


def in_words(gate: Gate) -> str:
    """Return a gate that is shut, for people."""
    return f"{gate.name}: {gate.figure}, wanted {gate.bound}"
