"""What is wrong with a vector is found, and nothing sound is taken for wrong."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.catalogue import ModelEntry
from instar.domain.models import ModelSpec
from instar.embedding.asking import embed_checked
from instar.embedding.caching import CachedModel
from instar.embedding.encoding import EncodedModel
from instar.embedding.integrity import (
    NOT_FINITE,
    NOT_UNIT,
    REPEATED,
    UNREADABLE,
    ZERO,
    faults,
    repeated,
)
from instar.errors import ModelAwayError, ModelChangedError, ModelUnsoundError
from instar.ports import Embedded, Matrix
from instar.testing import DictVectorCache, HashEmbedder, HashEncoder

SPEC = ModelSpec("fake", "fake", "1", 8, "float32", "mean")
WORDS = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty", "knoll", "ledge"]


def sound(count: int, dimensions: int = 8) -> Matrix:
    rows = np.random.default_rng(0).standard_normal((count, dimensions)).astype(np.float32)
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def test_sound_vectors_pass() -> None:
    assert faults(sound(20), 20, SPEC) == {}


def test_each_fault_is_named() -> None:
    rows = sound(6)
    rows[1, 0] = np.nan
    rows[2, 3] = np.inf
    rows[3] = 0
    rows[4] *= 2
    assert faults(rows, 6, SPEC) == {1: NOT_FINITE, 2: NOT_FINITE, 3: ZERO, 4: NOT_UNIT}


def test_a_wrong_shape_condemns_all() -> None:
    assert faults(sound(3)[:, :4], 3, SPEC) == dict.fromkeys(range(3), UNREADABLE)
    assert faults(sound(2), 3, SPEC) == dict.fromkeys(range(3), UNREADABLE)


# One vector for two texts

SAID = "the timeout of a request is decided here"
LONG = "a line that both of them share in full " * 12


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SAID, "penguins are birds that swim"),
        ("def retry(delay): wait(delay)", "SELECT name FROM users WHERE age > 7"),
        (f"{SAID} at once", f"{SAID} at last"),
        ("la durée de la requête", "le mot de passe"),
    ],
)
def test_two_texts_that_say_something_else_have_no_vector_in_common(one: str, other: str) -> None:
    rows = np.repeat(sound(1), 2, axis=0)
    assert repeated(rows, [one, other]) == {0: REPEATED, 1: REPEATED}
    assert repeated(sound(2), [one, other]) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{ }", "( [ ] );"),
        ("{}", SAID),
        ("漢字 仮名", "한글"),
        (SAID, SAID.upper()),
        (SAID, f"  {SAID.replace(' ', '   ')}\n"),
        ("où est l'été dernier", "ou est l'ete dernier"),
        (SAID, " ".join(reversed(SAID.split()))),
        ("x" * 400, "y" * 400),
        (f"{LONG} and one end", f"{LONG} with another"),
        ("version 1.2 of the file", "version 1.3 of the file"),
    ],
)
def test_texts_that_a_model_may_take_for_one_may_have_one_vector(one: str, other: str) -> None:
    assert repeated(np.repeat(sound(1), 2, axis=0), [one, other]) == {}


def test_nothing_the_built_in_model_gives_is_unsound() -> None:
    texts = ["{", "}\n", "[]", "", "漢字", SAID, SAID.upper(), SAID.title(), f" {SAID} ", "x" * 9_000, "y" * 9_000]
    assert embed_checked(StaticEmbedder(builtin_folder()), texts).unsound == {}


# Planted faults

COUNT = 10_000
PLANTED = 50
AT_ONCE = 500


Spoil = Callable[[Matrix, int], None]


class Faulty(HashEmbedder):
    """Knows its texts by heart; of each one named in `spoilt` the fault is made in the answer."""

    def __init__(self, known: dict[str, NDArray[np.float32]], spoilt: dict[str, Spoil]) -> None:
        super().__init__()
        self.known = known
        self.spoilt = spoilt

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        vectors = np.array([self.known[text] for text in texts])
        for i, text in enumerate(texts):
            if text in self.spoilt:
                self.spoilt[text](vectors, i)
        return Embedded(vectors)


def setter(value: float) -> Spoil:
    def spoil(vectors: Matrix, i: int) -> None:
        vectors[i, 3] = value

    return spoil


def zero(vectors: Matrix, i: int) -> None:
    vectors[i] = 0


def longer(vectors: Matrix, i: int) -> None:
    vectors[i] *= 1.5


def wrong_length(vectors: Matrix, i: int) -> None:
    raise ModelUnsoundError("vectors of different lengths")


def constant(vectors: Matrix, i: int) -> None:
    vectors[i] = 0
    vectors[i, 0] = 1


def of_its_neighbour(vectors: Matrix, i: int) -> None:
    vectors[i] = vectors[i - 1]  # alone it is its own neighbour


FAULTS = {
    "nan": (setter(np.nan), NOT_FINITE),
    "inf": (setter(-np.inf), NOT_FINITE),
    "zero": (zero, ZERO),
    "norm": (longer, NOT_UNIT),
    "length": (wrong_length, UNREADABLE),
    "constant": (constant, REPEATED),
    "neighbour": (of_its_neighbour, None),
}
"""What is planted, and the reason it is given up for: one that passes when asked alone is stored as it is then."""


def test_of_many_vectors_all_planted_faults_are_caught_and_no_sound_one_is() -> None:
    dice = random.Random(5)
    texts = [f"{' '.join(dice.choices(WORDS, k=4))} {WORDS[i % 12]}{i}" for i in range(COUNT)]
    places = [2 * place for place in dice.sample(range(COUNT // 2), PLANTED * len(FAULTS))]
    spoilt: dict[str, Spoil] = {}
    expected: dict[int, str] = {}
    for number, (spoil, reason) in enumerate(FAULTS.values()):
        chosen = places[number * PLANTED : (number + 1) * PLANTED]
        if spoil is constant:  # beside each other, for one alone repeats nothing
            chosen = [place for first in chosen[::2] for place in (first, first + 1)]
        spoilt |= {texts[place]: spoil for place in chosen}
        expected |= {place: reason for place in chosen if reason}
    true = sound(COUNT, HashEmbedder().spec.dimensions)
    model = Faulty(dict(zip(texts, true, strict=True)), spoilt)
    found: dict[int, str] = {}
    stored: list[NDArray[np.float32]] = []
    for start in range(0, COUNT, AT_ONCE):
        answer = embed_checked(model, texts[start : start + AT_ONCE])
        found |= {start + i: reason for i, reason in answer.unsound.items()}
        stored.append(answer.vectors)
    assert found == expected
    kept = [i for i in range(COUNT) if i not in found]
    np.testing.assert_array_equal(np.concatenate(stored)[kept], true[kept])


class Passing(HashEmbedder):
    """Spoils vectors of a text only where others are asked for with it."""

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        vectors, _ = super().embed_documents(texts)
        if len(texts) > 1:
            vectors[1] = np.nan
        return Embedded(vectors, (0,))


def test_a_bad_vector_is_asked_for_once_more_alone() -> None:
    texts = [f"{word} alone" for word in WORDS]
    answer = embed_checked(Passing(), texts)
    assert answer.unsound == {}
    assert answer.cut == {0, 1}  # of the second it was said when it was asked for again
    np.testing.assert_array_equal(answer.vectors, HashEmbedder().embed_documents(texts).vectors)


def test_a_model_that_is_away_is_no_fault_of_the_texts() -> None:
    class Away(HashEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            raise ModelAwayError("no answer")

    with pytest.raises(ModelAwayError):
        embed_checked(Away(), ["one", "two"])


def test_a_model_that_is_another_one_now_is_no_fault_of_the_texts() -> None:
    class Narrower(HashEncoder):
        def encode(self, texts: Sequence[str]) -> Embedded:
            return Embedded(super().encode(texts).vectors[:, :32])

    entry = ModelEntry("hash", "fake")
    with pytest.raises(ModelChangedError, match="32"):
        embed_checked(EncodedModel(Narrower(entry), entry), ["one", "two"])


def test_what_a_cache_holds_is_asked_for_anew_where_it_turns_out_to_be_bad() -> None:
    """A bad vector that looked sound alone, and is that of another text, is neither served nor kept again."""
    one, other = (" ".join(WORDS[i : i + 4]) for i in (0, 4))
    model = Faulty(dict(zip((one, other), sound(2, 64), strict=True)), {one: constant, other: constant})
    cache = DictVectorCache()
    cached = CachedModel(model, None, cache)
    cached.embed_documents([one])
    assert embed_checked(cached, [one, other]).unsound == {0: REPEATED, 1: REPEATED}
    model.spoilt = {}
    for text in (one, other):  # each alone, where nothing would show that it is bad
        np.testing.assert_array_equal(cached.embed_documents([text]).vectors[0], model.known[text])


def test_what_a_cache_holds_does_not_spoil_the_answer_of_a_model_that_has_recovered() -> None:
    one, other = (" ".join(WORDS[i : i + 4]) for i in (0, 4))
    model = Faulty(dict(zip((one, other), sound(2, 64), strict=True)), {one: constant, other: constant})
    cached = CachedModel(model, None, DictVectorCache())
    for text in (one, other):
        cached.embed_documents([text])
    model.spoilt = {}
    answer = embed_checked(cached, [one, other])
    assert answer.unsound == {}
    np.testing.assert_array_equal(answer.vectors, [model.known[one], model.known[other]])
