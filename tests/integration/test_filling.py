"""Filling a generation with a model that is slow, away, or suddenly another one."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.adapters.stores.sqlite.store import SqliteStore
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.adapters.vectors.packed import PackedVectors
from instar.domain.canaries import CANARIES, FEW
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, SourceKind
from instar.domain.generations import Completeness, Generation
from instar.domain.models import ModelSpec, StorageFormat
from instar.embedding.caching import CachedModel
from instar.embedding.pace import MOST_TEXTS
from instar.errors import ModelAwayError, ModelChangedError, ModelUnsoundError
from instar.indexing.clock import Deadline
from instar.indexing.filling import CACHED_AT_ONCE, CANARY_INTERVAL, fill_generation
from instar.indexing.parts import Access
from instar.ports import Embedded, EmbeddedQuery, Embedder, Matrix, SilentProgress, Vector
from instar.testing import DictVectorCache

DIMENSIONS = 32
TEXTS = 3_000


class Server:
    """A model behind a name: any text has a random vector of its own, by the weights that are loaded."""

    agreement = 0.9999

    def __init__(self, weights: str = "first") -> None:
        self.weights = weights
        self.spec = ModelSpec("server", "some-model", "", DIMENSIONS, "float32", "mean")
        self.embedded: list[str] = []
        self.exchange_after = -1
        self.away_after = -1
        self.noise = 0.0

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        if 0 <= self.away_after <= len(self.embedded):
            raise ModelAwayError("the server does not answer")
        self.embedded += [text for text in texts if text not in CANARIES]
        vectors = np.array([self.vector(text) for text in texts], np.float32)
        if 0 <= self.exchange_after <= len(self.embedded):
            self.weights, self.exchange_after = "second", -1
        return Embedded(vectors)

    def vector(self, text: str) -> Vector:
        dice = np.random.default_rng(list(hashlib.sha256(f"{self.weights} {text}".encode()).digest()))
        raw = dice.standard_normal(DIMENSIONS)
        raw = raw / np.linalg.norm(raw) + self.noise * dice.standard_normal(DIMENSIONS) / np.sqrt(DIMENSIONS)
        unit: Vector = (raw / np.linalg.norm(raw)).astype(np.float32)
        return unit

    def embed_query(self, text: str) -> EmbeddedQuery:
        return EmbeddedQuery(self.vector(text))


class Steps:
    """A progress that is kept."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int | None]] = []

    def step(self, phase: str, done: int, total: int | None) -> None:
        assert "some-model" in phase
        self.taken.append((done, total))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SqliteWriter]:
    """Return the writer of a corpus with so many texts that a model is looked at several times."""
    with SqliteStore(tmp_path / "data").writing() as opened:
        chunks = tuple(Chunk(f"text number {number}", number, number, "", "") for number in range(1, TEXTS + 1))
        document = Document("a.txt", 1, 1, b"h", "1", SourceKind.DOCS, None, "", chunks)
        opened.write_documents(opened.add_root("/r").id, [document], [])
        yield opened


@pytest.fixture
def pack(tmp_path: Path) -> PackedVectors:
    return PackedVectors(tmp_path / "pack")


Fill = Callable[..., Generation]


@pytest.fixture
def fill(writer: SqliteWriter, pack: PackedVectors) -> Fill:
    """Fill the generation of a model as far as it goes."""

    def run(model: Embedder, deadline: Deadline | None = None) -> Generation:
        generation = writer.create_generation(model.spec, StorageFormat.FLOAT32)
        fill_generation(Access.under_lock(writer), generation, model, pack, SilentProgress(), deadline or Deadline())
        return generation

    return run


def state(writer: SqliteWriter) -> Completeness:
    return writer.view().completeness(1)


def stored(writer: SqliteWriter) -> dict[int, Matrix]:
    """Return the vectors that are stored, by text id."""
    tail = writer.view().vectors_after(1, 0)
    return dict(zip(tail.text_ids.tolist(), tail.data.view("<f4"), strict=True))


def assert_all_of(writer: SqliteWriter, model: Server) -> None:
    """Whatever is stored is what these weights give for that text."""
    for text_id, vector in stored(writer).items():
        np.testing.assert_allclose(vector, model.vector(f"text number {text_id}"), atol=1e-6)


def test_a_generation_is_filled_and_each_text_asked_for_once(writer: SqliteWriter, fill: Fill) -> None:
    model = Server()
    fill(model)
    assert state(writer) == Completeness(TEXTS, 0, 0)
    assert sorted(model.embedded) == sorted(f"text number {number}" for number in range(1, TEXTS + 1))
    assert set(writer.view().canaries(1)) == set(CANARIES)
    fill(model)
    assert len(model.embedded) == TEXTS
    assert_all_of(writer, Server())


def test_the_progress_of_a_run_that_goes_on_counts_from_the_whole(writer: SqliteWriter, pack: PackedVectors) -> None:
    model, steps = Server(), Steps()
    model.away_after = 1_500
    generation = writer.create_generation(model.spec, StorageFormat.FLOAT32)
    with pytest.raises(ModelAwayError):
        fill_generation(Access.under_lock(writer), generation, model, pack, steps, Deadline())
    held, model.away_after = len(stored(writer)), -1
    seen = len(steps.taken)
    fill_generation(Access.under_lock(writer), generation, model, pack, steps, Deadline())
    done = [done for done, _ in steps.taken[seen:]]
    assert done[0] > held
    assert done[-1] == TEXTS
    assert {total for _, total in steps.taken} == {TEXTS}


def test_what_is_stored_stays_when_the_model_goes_away_and_the_next_run_goes_on(
    writer: SqliteWriter, fill: Fill
) -> None:
    model = Server()
    model.away_after = 1_500
    with pytest.raises(ModelAwayError):
        fill(model)
    held = stored(writer)
    assert len(held) == len(model.embedded) >= 1_500
    model.away_after = -1
    fill(model)
    assert len(model.embedded) == TEXTS
    assert state(writer).missing == 0
    after = stored(writer)
    assert all((after[text_id] == vector).all() for text_id, vector in held.items())


@pytest.mark.parametrize("after", [1, 700, 1_800])
def test_a_model_that_is_exchanged_under_its_name_stops_the_build(
    writer: SqliteWriter, fill: Fill, pack: PackedVectors, after: int
) -> None:
    model = Server()
    model.exchange_after = after
    with pytest.raises(ModelChangedError, match=r"has changed: .* \(cosine -?0\.\d+") as stopped:
        fill(model)
    assert isinstance(stopped.value, ModelUnsoundError)
    assert "`instar index --rebuild`" in stopped.value.remedy
    # Nothing of it stays, and no more than an interval of it was asked for (in whole batches).
    assert len(model.embedded) <= after + CANARY_INTERVAL + MOST_TEXTS
    assert_all_of(writer, Server())
    assert len(stored(writer)) > after - CANARY_INTERVAL - MOST_TEXTS
    # Run again, it is refused at once; with the former model everything is completed.
    asked = len(model.embedded)
    with pytest.raises(ModelChangedError):
        fill(model)
    assert len(model.embedded) == asked
    fill(Server())
    assert state(writer).missing == 0
    assert_all_of(writer, Server())


def test_a_cache_neither_hides_an_exchanged_model_nor_keeps_what_it_gave(writer: SqliteWriter, fill: Fill) -> None:
    model, cache = Server(), DictVectorCache()
    model.exchange_after = CANARY_INTERVAL // 2
    with pytest.raises(ModelChangedError):
        fill(CachedModel(model, None, cache))
    former = Server()
    fill(CachedModel(former, None, cache))
    assert state(writer).missing == 0
    assert_all_of(writer, former)


def test_a_model_exchanged_in_the_last_texts_does_not_make_a_complete_generation(
    writer: SqliteWriter, fill: Fill
) -> None:
    model = Server()
    model.exchange_after = TEXTS - 1
    with pytest.raises(ModelChangedError):
        fill(model)
    assert state(writer).missing > 0
    assert_all_of(writer, Server())


def test_what_an_interrupted_run_stored_of_an_exchanged_model_goes_with_the_next_run(
    writer: SqliteWriter, fill: Fill, pack: PackedVectors
) -> None:
    model = Server()
    model.exchange_after, model.away_after = 600, 800
    with pytest.raises(ModelAwayError):
        fill(model)
    spoilt = len(stored(writer))
    pack.pack(writer.vector_batches(1), writer.vector_position(1)[0])
    model.away_after = -1
    with pytest.raises(ModelChangedError):
        fill(model)
    assert len(stored(writer)) < spoilt
    assert_all_of(writer, Server())
    assert pack.position(writer.log_position().corpus) is None  # it held them too


@pytest.mark.parametrize("kind", ["length", "nan", "constant"])
def test_a_model_that_breaks_down_is_stopped_too(writer: SqliteWriter, fill: Fill, kind: str) -> None:
    class Broken(Server):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            vectors = super().embed_documents(texts).vectors
            if self.weights == "second":
                if kind == "length":
                    raise ModelUnsoundError("vectors of 7 dimensions")
                vectors[:] = np.nan if kind == "nan" else vectors[0]
            return Embedded(vectors)

    model = Broken()
    model.exchange_after = 1_100
    with pytest.raises(ModelUnsoundError) as stopped:
        fill(model)
    assert not isinstance(stopped.value, ModelChangedError)  # it may be a fault that passes
    assert state(writer).quarantined == 0  # no text is given up for what the model did
    assert_all_of(writer, Server())
    fill(Server())
    assert state(writer) == Completeness(TEXTS, 0, 0)


@pytest.mark.parametrize(("noise", "passes"), [(1e-6, True), (0.03, True), (0.12, False), (0.5, False)])
def test_vectors_that_move_within_the_bound_are_those_of_the_same_model(
    writer: SqliteWriter, fill: Fill, noise: float, passes: bool
) -> None:
    """As with another version of a library; the mean cosine is about 1 - noise² / 2."""
    model = Server()
    fill(model, Deadline(0.05))
    assert 0 < len(model.embedded) < TEXTS or state(writer).missing == 0
    model.noise = noise
    writer.drop_vectors([1])
    if passes:
        fill(model)
        assert state(writer).missing == 0
    else:
        with pytest.raises(ModelChangedError, match=r"at least 0\.9980 is the same"):
            fill(model)


def test_a_model_that_does_not_repeat_itself_is_held_to_what_it_promises(writer: SqliteWriter, fill: Fill) -> None:
    model = Server()
    model.agreement = 0.9
    model.away_after = 5
    with pytest.raises(ModelAwayError):
        fill(model)
    model.away_after, model.noise = -1, 0.3
    fill(model)
    assert state(writer).missing == 0


def test_a_model_that_gives_every_text_one_vector_is_refused_from_the_start(writer: SqliteWriter, fill: Fill) -> None:
    class Constant(Server):
        def vector(self, text: str) -> Vector:
            return super().vector("")

    with pytest.raises(ModelUnsoundError, match="the same as that of another text"):
        fill(Constant())
    assert stored(writer) == {}
    assert writer.view().canaries(1) == {}


def test_the_built_in_model_is_not_looked_at(writer: SqliteWriter, fill: Fill) -> None:
    fill(StaticEmbedder(builtin_folder()))
    assert writer.view().canaries(1) == {}
    assert state(writer).missing == 0


def test_a_refresh_looks_at_few_canaries_once(writer: SqliteWriter, fill: Fill) -> None:
    class Noting(Server):
        looked = 0

        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            self.looked += texts[0] in CANARIES and len(texts)
            return super().embed_documents(texts)

    model = Noting()
    fill(model)
    writer.drop_vectors([1, 2])
    model.looked = 0
    fill(model, Deadline(60))
    assert state(writer).missing == 0
    assert model.looked == FEW
    model.weights = "second"
    writer.drop_vectors([1, 2])
    with pytest.raises(ModelChangedError):
        fill(model, Deadline(60))


def test_a_cache_that_answers_is_no_reason_to_look_at_the_model(writer: SqliteWriter, fill: Fill) -> None:
    class Noting(Server):
        looks = 0

        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            self.looks += texts[0] in CANARIES
            return super().embed_documents(texts)

    model = Noting()
    cached = CachedModel(model, None, DictVectorCache())
    cached.embed_documents([f"text number {number}" for number in range(1, TEXTS + 1)])
    fill(cached)
    assert state(writer).missing == 0
    assert len(model.embedded) == TEXTS
    assert model.looks == 3  # the canaries are stored, and looked at first and last


def test_what_a_cache_answers_does_not_make_the_next_batch_a_large_one(writer: SqliteWriter, fill: Fill) -> None:
    class Noting(Server):
        def __init__(self) -> None:
            super().__init__()
            self.batches: list[int] = []

        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            if texts[0] not in CANARIES:
                self.batches.append(len(texts))
            return super().embed_documents(texts)

    model = Noting()
    cached = CachedModel(model, None, DictVectorCache())
    cached.embed_documents([f"text number {number}" for number in range(1, TEXTS // 2)])
    model.batches.clear()
    fill(cached)
    assert state(writer).missing == 0
    assert model.batches[0] <= CACHED_AT_ONCE


def test_texts_that_were_cut_are_named_and_forgotten_with_them(writer: SqliteWriter, fill: Fill) -> None:
    class Short(Server):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            answer = super().embed_documents(texts)
            return Embedded(answer.vectors, tuple(i for i, text in enumerate(texts) if text.endswith("00")))

    def lines() -> list[int]:
        return [chunk.start_line for chunk in writer.view().cut_chunks(1) if chunk.path == "/r/a.txt"]

    fill(Short())
    assert lines() == list(range(100, TEXTS + 1, 100))
    writer.drop_vectors(list(range(1, TEXTS - 99)))
    assert lines() == [TEXTS]
