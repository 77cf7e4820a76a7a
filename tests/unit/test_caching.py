"""What was embedded before is not embedded again, and nothing of another model is served."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.adapters.caches.vectors import SqliteVectorCache
from instar.domain.models import StorageFormat, document_side, query_side
from instar.domain.vectors import encode
from instar.embedding.caching import KEPT_QUESTIONS, CacheCounts, CachedModel, QueryCache, uncached
from instar.ports import Embedded, EmbeddedQuery, KeptVector
from instar.testing import DictVectorCache, HashEmbedder

SECONDS = 3_600.0
TEXTS = ["open the file", "close the file", "a text of many words that the model cuts", "open the file"]
LONGEST = 20


class Counted(HashEmbedder):
    """Notes what it was asked for; takes the first `LONGEST` characters of a text."""

    def __init__(self, revision: str = "1", document_prompt: str = "") -> None:
        super().__init__(revision=revision, document_prompt=document_prompt)
        self.asked: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        self.asked += texts
        vectors = super().embed_documents([text[:LONGEST] for text in texts]).vectors
        return Embedded(vectors, tuple(i for i, text in enumerate(texts) if len(text) > LONGEST))

    def embed_query(self, text: str) -> EmbeddedQuery:
        self.asked.append(text)
        return super().embed_query(text)


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


# Documents


def test_a_text_is_embedded_once_whatever_is_embedded_with_it() -> None:
    model = Counted()
    cached = CachedModel(model, None, DictVectorCache())
    fresh = Counted().embed_documents(TEXTS)
    for _ in range(2):
        found = cached.embed_documents(TEXTS)
        np.testing.assert_array_equal(found.vectors, fresh.vectors)
        assert found.cut == fresh.cut == (2,)
    assert sorted(model.asked) == sorted(set(TEXTS))
    assert cached.counts == CacheCounts(hits=1 + len(TEXTS), misses=3)
    cached.embed_documents(["another", *TEXTS])
    assert model.asked[3:] == ["another"]


@given(batches=st.lists(st.lists(st.sampled_from([*TEXTS, "", "é", "word " * 30]), max_size=6), max_size=5))
def test_the_cache_changes_no_answer(batches: list[list[str]]) -> None:
    cached = CachedModel(Counted(), None, DictVectorCache())
    for texts in batches:
        found, fresh = cached.embed_documents(texts), Counted().embed_documents(texts)
        np.testing.assert_array_equal(found.vectors, fresh.vectors)
        assert found.cut == fresh.cut


@pytest.mark.parametrize("storage", list(StorageFormat))
def test_what_the_file_held_is_stored_as_the_fresh_vector_would_be(tmp_path: Path, storage: StorageFormat) -> None:
    texts = [f"text number {i} of some" for i in range(200)]
    cached = CachedModel(HashEmbedder(), None, SqliteVectorCache(tmp_path, 1_000_000))
    fresh = encode(cached.embed_documents(texts).vectors, storage)
    again = CachedModel(Counted(), None, SqliteVectorCache(tmp_path, 1_000_000))
    np.testing.assert_array_equal(encode(again.embed_documents(texts).vectors, storage), fresh)
    assert again.counts.hits == len(texts)


@pytest.mark.parametrize("other", [Counted(revision="2"), Counted(document_prompt="passage: ")])
def test_another_revision_or_prompt_is_asked_itself(other: Counted) -> None:
    cache = DictVectorCache()
    CachedModel(Counted(), None, cache).embed_documents(TEXTS)
    found = CachedModel(other, None, cache).embed_documents(TEXTS)
    assert set(other.asked) == set(TEXTS)
    np.testing.assert_array_equal(found.vectors, other.embed_documents(TEXTS).vectors)


class Broken(Counted):
    """Gives no finite vector of the second text it is asked for."""

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        found = super().embed_documents(texts)
        found.vectors[1:2] = np.nan
        return found


def test_a_vector_that_cannot_be_stored_is_passed_on_but_not_kept() -> None:
    cache = DictVectorCache()
    found = CachedModel(Broken(), None, cache).embed_documents(TEXTS[:3])
    assert np.isfinite(found.vectors).all(axis=1).tolist() == [True, False, True]
    model = Counted()
    CachedModel(model, None, cache).embed_documents(TEXTS[:3])
    assert model.asked == [TEXTS[1]]


def test_a_vector_of_the_wrong_length_is_asked_for_again() -> None:
    model, cache = Counted(), DictVectorCache()
    key = hashlib.sha256(b"a").digest()
    cache.keep(document_side(model.spec), {key: KeptVector(np.ones(3, np.float32), cut=False)})
    found = CachedModel(model, None, cache).embed_documents(["a"])
    np.testing.assert_array_equal(found.vectors, model.embed_documents(["a"]).vectors)


def test_a_model_that_turned_out_to_be_another_is_forgotten() -> None:
    cache = DictVectorCache()
    cached, other = CachedModel(Counted(), None, cache), CachedModel(Counted("2"), None, cache)
    cached.embed_documents(TEXTS)
    other.embed_documents(TEXTS)
    cached.forget()
    cached.embed_documents(TEXTS)
    other.embed_documents(TEXTS)
    assert (cached.counts.misses, other.counts.misses) == (6, 3)


def test_how_a_model_answers_now_can_be_seen() -> None:
    model = Counted()
    cached = CachedModel(model, QueryCache(SECONDS), DictVectorCache())
    cached.embed_documents(["a"])
    uncached(cached).embed_documents(["a"])
    uncached(model).embed_documents(["a"])
    assert model.asked == ["a", "a", "a"]


def test_what_a_model_is_shows_through() -> None:
    model = HashEmbedder()
    cached = CachedModel(model, None, None)
    assert cached.spec == model.spec
    assert cached.embed_query("où is it").familiarity == model.embed_query("où is it").familiarity
    np.testing.assert_array_equal(cached.embed_query("a").vector, model.embed_query("a").vector)
    np.testing.assert_array_equal(cached.embed_documents(["a"]).vectors, model.embed_documents(["a"]).vectors)
    assert cached.counts == CacheCounts(hits=0, misses=1)  # without a cache too, the model was asked


# Questions


def test_a_question_is_embedded_once_within_its_time() -> None:
    clock, model = Clock(), Counted()
    questions = QueryCache(SECONDS, clock)
    cached = CachedModel(model, questions, None)
    first = cached.embed_query("où is it")
    clock.seconds = SECONDS - 1
    assert_same(cached.embed_query("où is it"), first)
    assert (len(model.asked), questions.counts) == (1, CacheCounts(hits=1, misses=1))
    clock.seconds = SECONDS
    assert_same(cached.embed_query("où is it"), first)
    assert (len(model.asked), questions.counts) == (2, CacheCounts(hits=1, misses=2))


def assert_same(found: EmbeddedQuery, expected: EmbeddedQuery) -> None:
    np.testing.assert_array_equal(found.vector, expected.vector)
    assert found.familiarity == expected.familiarity < 1.0


def test_the_question_that_was_not_asked_for_longest_goes_first() -> None:
    model = Counted()
    cached = CachedModel(model, QueryCache(SECONDS), None)
    names = [f"question {i}" for i in range(KEPT_QUESTIONS)]
    for name in (*names, names[0], "one more"):
        cached.embed_query(name)
    model.asked.clear()
    for name in (names[0], names[1]):
        cached.embed_query(name)
    assert model.asked == [names[1]]


def test_models_share_a_cache_but_no_vector() -> None:
    questions = QueryCache(SECONDS)
    one, two = CachedModel(Counted(), questions, None), CachedModel(Counted("2"), questions, None)
    assert not np.array_equal(one.embed_query("a").vector, two.embed_query("a").vector)
    assert questions.counts == CacheCounts(hits=0, misses=2)


def test_whoever_is_served_a_vector_cannot_change_it_for_the_next() -> None:
    cached = CachedModel(Counted(), QueryCache(SECONDS), None)
    with pytest.raises(ValueError, match="read-only"):
        cached.embed_query("a").vector[0] = 7.0


# What identifies a model


def test_the_sides_of_a_model_tell_apart_what_decides_a_vector() -> None:
    spec = HashEmbedder().spec
    asked = replace(spec, query_prompt="query: ")
    assert document_side(asked) == document_side(spec)
    assert query_side(asked) != query_side(spec)
    assert document_side(replace(spec, reference="mine")) == document_side(spec)
    assert query_side(replace(spec, reference="mine")) == query_side(spec)
    for other in (replace(spec, context_tokens=256), replace(spec, truncation=32), replace(spec, runtime="x 1")):
        assert document_side(other) != document_side(spec)
        assert query_side(other) != query_side(spec)
