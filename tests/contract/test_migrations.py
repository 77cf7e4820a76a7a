"""The record of migrations in every store: legal steps alone, one open at a time, one holder of the lease."""

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from instar.adapters.stores.sqlite.store import SqliteStore
from instar.domain.generations import QuerySide, Weights
from instar.domain.migrations import FOLLOWS, OPEN, Cutover, Lease, Side, State, Wanted
from instar.domain.models import ModelSpec, StorageFormat
from instar.errors import LeaseLostError, MigrationError
from instar.ports import CorpusWriter, Store

SECONDS = 60.0
FIRST = QuerySide("", Weights(1.0, 1.0))
SECOND = QuerySide("query: ", Weights(1.0, 2.0))


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = SqliteStore(tmp_path, clock)
    with opened.writing() as writer:
        sides(writer)
    yield opened
    opened.close()


def sides(writer: CorpusWriter) -> tuple[Side, Side]:
    """Make two generations, the first active."""
    specs = [ModelSpec("fake", name, "1", 4, "float32", "mean") for name in ("first", "second")]
    first, second = (writer.create_generation(spec, StorageFormat.FLOAT32) for spec in specs)
    if writer.view().pointer() is None:
        writer.activate(first.id, FIRST)
    return Side(first.id, "first", FIRST), Side(second.id, "second", SECOND)


def begun(writer: CorpusWriter) -> int:
    former, target = sides(writer)
    return writer.migrations.start(
        former, target, made=True, cutover=Cutover.ASK, throttle="", actor="me", cause="asked for"
    )


def test_a_migration_is_read_back_as_it_was_written(store: Store, clock: Clock) -> None:
    with store.writing() as writer:
        identity = begun(writer)
        clock.now += 1
        writer.migrations.advance(identity, State.BUILDING, "you", "begun", {"texts": 3, "ratio": 0.5})
    with store.snapshot() as snapshot:
        (found,) = snapshot.migrations()
        assert (found.former, found.target) == (Side(1, "first", FIRST), Side(2, "second", SECOND))
        assert (found.state, found.cause, found.made, found.cutover) == (State.BUILDING, "begun", True, Cutover.ASK)
        first, second = snapshot.steps(identity)
        assert (first.state, first.actor, first.cause, first.figures) == (State.PLANNED, "me", "asked for", {})
        assert (second.at - first.at, second.actor, second.figures) == (1, "you", {"texts": 3, "ratio": 0.5})


def test_a_second_migration_is_refused_and_the_first_one_named(store: Store) -> None:
    with store.writing() as writer:
        begun(writer)
        with pytest.raises(MigrationError, match="migration 1 to second is planned"):
            begun(writer)
        writer.migrations.advance(1, State.ABORTED, "me", "asked for")
        assert begun(writer) == 2


def test_the_pointer_and_the_step_are_one_write(store: Store) -> None:
    with store.writing() as writer:
        identity = begun(writer)
        former, target = sides(writer)
        with pytest.raises(MigrationError):  # not legal from here, so the pointer stays too
            writer.migrations.switch(identity, State.ACTIVE, target, "me", "cut over", {})
        pointer = writer.view().pointer()
        assert pointer is not None
        assert (pointer.generation.id, pointer.query) == (former.generation_id, FIRST)
        for state in (State.BUILDING, State.CHECKING, State.READY):
            writer.migrations.advance(identity, state, "me", "")
        writer.migrations.switch(identity, State.ACTIVE, target, "me", "cut over", {})
    with store.snapshot() as snapshot:
        pointer = snapshot.pointer()
        assert pointer is not None
        assert (pointer.generation.id, pointer.query) == (target.generation_id, SECOND)
        assert pointer.generation.model.query_prompt == "query: "
        assert snapshot.migrations()[-1].state is State.ACTIVE


def alive(_: str) -> bool:
    return False


def test_one_holds_the_lease_until_it_expires(store: Store, clock: Clock) -> None:
    with store.writing() as writer:
        held = writer.migrations.take_lease("one", SECONDS, alive)
        assert held == Lease("one", 1, clock.now + SECONDS)
        assert writer.migrations.take_lease("two", SECONDS, alive) is None
        clock.now += SECONDS - 1
        writer.migrations.renew_lease(held, SECONDS)
        clock.now += SECONDS - 1
        assert writer.migrations.take_lease("two", SECONDS, alive) is None
        clock.now += 1
        taken = writer.migrations.take_lease("two", SECONDS, alive)
        assert taken is not None
        assert taken.token > held.token
        with pytest.raises(LeaseLostError):
            writer.migrations.renew_lease(held, SECONDS)
        writer.migrations.renew_lease(taken, 0.0)  # given back
        assert writer.migrations.take_lease("three", SECONDS, alive) is not None


def test_the_lease_of_a_process_that_has_ended_is_free(store: Store) -> None:
    with store.writing() as writer:
        writer.migrations.take_lease("one", SECONDS, alive)
        assert writer.migrations.take_lease("two", SECONDS, lambda holder: holder == "one") is not None


def test_a_lease_from_before_the_clock_was_set_back_does_not_last(store: Store, clock: Clock) -> None:
    with store.writing() as writer:
        held = writer.migrations.take_lease("one", SECONDS, alive)
        assert held is not None
        clock.now -= 3_600
        assert writer.migrations.take_lease("two", SECONDS, alive) is not None
        with pytest.raises(LeaseLostError):
            writer.migrations.renew_lease(held, SECONDS)


def test_what_the_settings_want_is_read_back(store: Store) -> None:
    wanted = Wanted("first", "f" * 32, SECOND)
    with store.writing() as writer:
        assert writer.view().noted_wanted() is None
        writer.migrations.note_wanted(wanted)
        assert writer.view().noted_wanted() == wanted


class Machine(RuleBasedStateMachine):
    """Any order of steps: what the store allows is what a list of states and a set of open ones allow."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteStore(Path(self.folder.name))
        self.states: list[State] = []
        self.pointer = 1
        with self.store.writing() as writer:
            self.former, self.target = sides(writer)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule()
    def start(self) -> None:
        expected = not any(state in OPEN for state in self.states)
        with self.store.writing() as writer:
            try:
                begun(writer)
            except MigrationError:
                assert not expected
            else:
                assert expected
                self.states.append(State.PLANNED)

    @precondition(lambda self: self.states)
    @rule(state=st.sampled_from(State))
    def step(self, state: State) -> None:
        expected = state in FOLLOWS[self.states[-1]]
        switched = {State.ACTIVE: self.target, State.ROLLED_BACK: self.former}.get(state)
        with self.store.writing() as writer:
            try:
                if switched is None:
                    writer.migrations.advance(len(self.states), state, "me", "")
                else:
                    writer.migrations.switch(len(self.states), state, switched, "me", "", {})
            except MigrationError:
                assert not expected
            else:
                assert expected
                self.states[-1] = state
                self.pointer = switched.generation_id if switched else self.pointer

    @invariant()
    def the_store_says_the_same(self) -> None:
        with self.store.snapshot() as snapshot:
            assert [each.state for each in snapshot.migrations()] == self.states
            assert sum(each.is_open for each in snapshot.migrations()) <= 1
            pointer = snapshot.pointer()
            assert pointer is not None
            assert pointer.generation.id == self.pointer
            for each in snapshot.migrations():
                walked = [step.state for step in snapshot.steps(each.id)]
                assert all(after in FOLLOWS[before] for before, after in pairwise(walked))


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestMachine = Machine.TestCase
