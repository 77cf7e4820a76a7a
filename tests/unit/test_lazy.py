"""Models give their memory back while nobody asks them."""

import gc
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.models import EncoderFacts
from instar.embedding.lazy import PRESSED_SECONDS, LazyEncoder, Unloader, resident_bytes
from instar.errors import ModelAwayError
from instar.ports import Embedded

IDLE = 300.0
LIMIT = 1_000
LONG = 30.0
TABLE_BYTES = 40_000_000


class TableEncoder:
    """The table of the static model as an encoder that loads at the first question."""

    def __init__(self) -> None:
        self._model: StaticEmbedder | None = None
        self.closed = Event()
        self.loads = 0

    @property
    def facts(self) -> EncoderFacts:
        return EncoderFacts("table", "table", "1", 256, "float32", "mean")

    batch = 32
    agreement = 1.0

    def is_loaded(self) -> bool:
        return self._model is not None

    def encode(self, texts: Sequence[str]) -> Embedded:
        if self._model is None:
            self._model = StaticEmbedder(builtin_folder())
            self.loads += 1
        return self._model.embed_documents(texts)

    def familiarity(self, text: str) -> float:
        return StaticEmbedder(builtin_folder()).embed_query(text).familiarity

    def close(self) -> None:
        self._model = None
        self.closed.set()


class SlowEncoder(TableEncoder):
    """One that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = Event(), Event()

    def encode(self, texts: Sequence[str]) -> Embedded:
        self.asked.set()
        assert self.may_answer.wait(LONG)
        assert not self.closed.is_set()
        return super().encode(texts)


class Machine:
    """Time and memory as a test sets them."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.resident = 0

    def unloader(self, idle_seconds: float = IDLE, most_bytes: int = LIMIT) -> Unloader:
        return Unloader(idle_seconds, most_bytes, lambda: self.seconds, lambda: self.resident, look_seconds=LONG)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_model_is_loaded_by_the_first_question_not_by_asking_what_it_is(machine: Machine) -> None:
    inner = TableEncoder()
    lazy = machine.unloader().watch(inner)
    assert (lazy.facts, lazy.batch, lazy.agreement) == (inner.facts, inner.batch, inner.agreement)
    assert not inner.is_loaded()
    lazy.encode(["a"])
    assert inner.is_loaded()


def test_an_idle_model_is_closed_and_answers_the_same_when_it_is_asked_again(machine: Machine) -> None:
    inner = TableEncoder()
    unloader = machine.unloader()
    lazy = unloader.watch(inner)
    before = lazy.encode(["open the file"]).vectors
    machine.seconds += IDLE - 1
    unloader.look()
    assert inner.is_loaded()
    machine.seconds += 1
    unloader.look()
    assert not inner.is_loaded()
    np.testing.assert_array_equal(lazy.encode(["open the file"]).vectors, before)
    assert inner.loads == 2


def test_a_question_begins_the_wait_anew(machine: Machine) -> None:
    inner = TableEncoder()
    unloader = machine.unloader()
    lazy = unloader.watch(inner)
    for _ in range(3):
        lazy.encode(["a"])
        machine.seconds += IDLE - 1
        unloader.look()
    assert inner.loads == 1


def test_while_memory_is_short_a_model_is_closed_sooner_but_not_between_two_batches(machine: Machine) -> None:
    busy, idle = TableEncoder(), TableEncoder()
    unloader = machine.unloader()
    asked = unloader.watch(busy)
    unloader.watch(idle).encode(["a"])
    machine.seconds += PRESSED_SECONDS
    asked.encode(["a"])
    unloader.look()
    assert idle.is_loaded()  # there is room
    machine.resident = LIMIT + 1
    unloader.look()
    assert not idle.is_loaded()
    assert busy.is_loaded()


@pytest.mark.parametrize(("idle_seconds", "most_bytes"), [(0, 0), (0, LIMIT), (IDLE, 0)])
def test_each_limit_can_be_switched_off(machine: Machine, idle_seconds: float, most_bytes: int) -> None:
    inner = TableEncoder()
    unloader = machine.unloader(idle_seconds, most_bytes)
    unloader.watch(inner).encode(["a"])
    machine.resident = 10 * LIMIT
    machine.seconds += PRESSED_SECONDS
    unloader.look()
    assert inner.is_loaded() == (most_bytes == 0)
    machine.seconds += 1_000 * IDLE
    unloader.look()
    assert inner.is_loaded() == (most_bytes == 0 and idle_seconds == 0)


def test_an_answer_in_the_making_is_finished_first(machine: Machine) -> None:
    inner = SlowEncoder()
    unloader = machine.unloader()
    lazy = unloader.watch(inner)
    answers: list[Embedded] = []
    asking = Thread(target=lambda: answers.append(lazy.encode(["a"])))
    asking.start()
    assert inner.asked.wait(LONG)
    machine.seconds += 2 * IDLE
    unloader.look()
    closing = Thread(target=lazy.close)
    closing.start()
    inner.may_answer.set()
    asking.join(LONG)
    closing.join(LONG)
    assert answers[0].vectors.shape == (1, 256)
    assert inner.closed.is_set()


def test_a_model_that_loads_to_tell_what_it_is_is_closed_too(machine: Machine) -> None:
    inner = TableEncoder()
    unloader = machine.unloader()
    _ = unloader.watch(inner).facts
    machine.seconds += IDLE
    unloader.look()
    assert inner.closed.is_set()


@pytest.mark.parametrize("error", [ModelAwayError("the server does not answer"), RuntimeError("of a library")])
def test_a_model_that_could_not_be_closed_disturbs_nobody(machine: Machine, error: Exception) -> None:
    class Away(TableEncoder):
        def close(self) -> None:
            raise error

    inner = TableEncoder()
    unloader = machine.unloader()
    for each in (Away(), inner, Away()):
        unloader.watch(each).encode(["a"])
    machine.seconds += IDLE
    unloader.look()
    assert not inner.is_loaded()


def test_nobody_has_to_look() -> None:
    inner = TableEncoder()
    lazy = Unloader(idle_seconds=0.01, most_bytes=0, look_seconds=0.01).watch(inner)
    for _ in range(2):  # the thread ends with the last loaded model, and begins with the next
        lazy.encode(["a"])
        assert inner.closed.wait(LONG)
        inner.closed.clear()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say what is resident")
def test_unloading_gives_memory_back_and_loading_leaks_none(machine: Machine) -> None:
    unloader = machine.unloader()
    lazy = unloader.watch(TableEncoder())
    loaded, unloaded = zip(*(_loaded_and_unloaded(lazy, unloader, machine) for _ in range(25)), strict=True)
    gc.collect()
    assert min(loaded[5:]) > max(unloaded[5:]) + TABLE_BYTES / 2
    assert unloaded[-1] < unloaded[5] + TABLE_BYTES / 4


def _loaded_and_unloaded(lazy: LazyEncoder, unloader: Unloader, machine: Machine) -> tuple[int, int]:
    lazy.encode(["open the file"])
    loaded = resident_bytes()
    machine.seconds += IDLE
    unloader.look()
    return loaded, resident_bytes()
