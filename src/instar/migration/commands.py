"""What a user does with migrations: each command is one write, whoever does the work."""

from collections.abc import Callable

from instar.domain.generations import Generation, Pointer
from instar.domain.migrations import OPEN, Cutover, Migration, Side, State
from instar.errors import MigrationError
from instar.indexing.parts import Access
from instar.ports import CorpusSnapshot, CorpusWriter, VectorIndex


class Migrations:
    """The migrations of a corpus. `actor` names who asks, for the record."""

    def __init__(self, access: Access, vectors_of: Callable[[Generation], VectorIndex], actor: str) -> None:
        self._access = access
        self._vectors_of = vectors_of
        self._actor = actor

    def open_one(self) -> Migration | None:
        """Return the one that is on its way."""
        with self._access.reading() as view:
            return _open(view)

    def last(self) -> Migration | None:
        """Return the latest, open or ended."""
        with self._access.reading() as view:
            return next(reversed(view.migrations()), None)

    def pause(self, cause: str) -> Migration:
        """Let the build rest. Raises `MigrationError` where nothing is being built."""
        return self._advanced(State.PAUSED, cause)

    def resume(self, cause: str) -> Migration:
        """Let a paused build go on. Raises `MigrationError` where there is none."""
        return self._advanced(State.BUILDING, cause)

    def abort(self, cause: str) -> Migration:
        """End a migration that is not active yet and delete what it made.

        Raises `MigrationError` where there is none.
        """
        with self._access.writing() as writer:
            migration = _required(writer.view())
            writer.migrations.advance(migration.id, State.ABORTED, self._actor, cause)
            if migration.made:
                self._drop(writer, migration.target.generation_id)
            return _found(writer.view(), migration.id)

    def roll_back(self, cause: str) -> Migration:
        """Make the former generation active again, with the query side it had.

        Raises `MigrationError` where the last migration is not one that can be undone.
        """
        with self._access.writing() as writer:
            migration = next(reversed(writer.view().migrations()), None)
            if migration is None or migration.state is not State.ACTIVE:
                how = f": the last migration is {migration.state}" if migration else ""
                raise MigrationError(f"there is nothing to roll back{how}", "`instar migrate status` shows it")
            former = migration.former
            missing = writer.view().completeness(former.generation_id).missing
            figures = {"texts_without_vector": missing}
            writer.migrations.switch(migration.id, State.ROLLED_BACK, former, self._actor, cause, figures)
            return _found(writer.view(), migration.id)

    def retire(self, generation_id: int, cause: str) -> None:
        """Delete a generation for good. Raises `MigrationError` for one that answers or is being built."""
        with self._access.writing() as writer:
            view = writer.view()
            pointer, opened = view.pointer(), _open(view)
            if generation_id not in {each.id for each in view.generations()}:
                raise MigrationError(f"there is no generation {generation_id}", "`instar generations` names them")
            if pointer is not None and pointer.generation.id == generation_id:
                raise MigrationError(f"generation {generation_id} is the active one", "cut over to another first")
            if opened is not None and generation_id in {opened.former.generation_id, opened.target.generation_id}:
                raise MigrationError(
                    f"generation {generation_id} belongs to migration {opened.id}, which is {opened.state}",
                    "`instar migrate abort` ends it",
                )
            last = next(reversed(view.migrations()), None)
            if last is not None and last.state is State.ACTIVE and last.former.generation_id == generation_id:
                writer.migrations.advance(last.id, State.SETTLED, self._actor, cause)
            self._drop(writer, generation_id)

    def _drop(self, writer: CorpusWriter, generation_id: int) -> None:
        generation = next(each for each in writer.view().generations() if each.id == generation_id)
        self._vectors_of(generation).clear()  # before the rows, so that a kill leaves nothing that no row tells of
        writer.drop_generation(generation_id)

    def _advanced(self, state: State, cause: str) -> Migration:
        with self._access.writing() as writer:
            migration = _required(writer.view())
            writer.migrations.advance(migration.id, state, self._actor, cause)
            return _found(writer.view(), migration.id)


def check_free(view: CorpusSnapshot) -> None:
    """Raise `MigrationError` where another migration is open, or nothing answers yet."""
    if view.pointer() is None:
        raise MigrationError("there is no index yet, so there is nothing to change", "run `instar index PATH` first")
    opened = _open(view)
    if opened is not None:
        raise MigrationError(
            f"migration {opened.id} to {opened.target.model} is {opened.state}",
            "`instar migrate status` shows it; `instar migrate abort` ends it",
        )


def begin(
    writer: CorpusWriter, target: Side, *, made: bool, cutover: Cutover, throttle: str, actor: str, cause: str
) -> Migration:
    """Write a migration from what is active. Raises `MigrationError` where another one is open, or nothing changes."""
    pointer = writer.view().pointer()
    if pointer is None:
        raise MigrationError("there is no index yet, so there is nothing to change", "run `instar index PATH` first")
    former = side_of(pointer)
    if (former.generation_id, former.query) == (target.generation_id, target.query):
        raise MigrationError(f"{target.model} is what answers already", "name another model")
    identity = writer.migrations.start(
        former, target, made=made, cutover=cutover, throttle=throttle, actor=actor, cause=cause
    )
    return _found(writer.view(), identity)


def side_of(pointer: Pointer) -> Side:
    """Return what answers as the end of a migration."""
    return Side(pointer.generation.id, pointer.generation.model.called, pointer.query)


def _open(view: CorpusSnapshot) -> Migration | None:
    return next((each for each in view.migrations() if each.state in OPEN), None)


def _required(view: CorpusSnapshot) -> Migration:
    migration = _open(view)
    if migration is None:
        raise MigrationError("no migration is on its way", "`instar migrate start MODEL` begins one")
    return migration


def _found(view: CorpusSnapshot, migration_id: int) -> Migration:
    return next(each for each in view.migrations() if each.id == migration_id)
