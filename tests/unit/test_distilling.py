"""A table of token vectors learns from a teacher: from its words, and better from its passages."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instar.domain.vectors import Int8Codes
from instar.errors import ModelUnsoundError, UsageError
from instar.ports import Embedded, SilentProgress
from instar.testing import HashEmbedder
from instar.training.distilling import Lesson, distilled, inverse_frequency, principal_axes

DIMENSIONS = 32
WORDS = ["[UNK]", *(f"word{i}" for i in range(300))]
PASSAGES, UNSEEN = 700, 100


def passages(count: int, seed: int) -> list[list[int]]:
    """Numbers of the words of each passage; the first words are the most frequent."""
    draw = np.random.default_rng(seed)
    return [(draw.integers(1, len(WORDS), 12) * draw.random(12)).astype(int).clip(1).tolist() for _ in range(count)]


def text_of(ids: list[int]) -> str:
    return " ".join(WORDS[i] for i in ids)


def lesson(ids: list[list[int]]) -> Lesson:
    counts = np.bincount(np.array([word for each in ids for word in each], int), minlength=len(WORDS)).astype(
        np.float64
    )
    return Lesson([text_of(each) for each in ids], [np.array(each) for each in ids], counts)


def agreement(table: Int8Codes, teacher: HashEmbedder) -> float:
    """The mean correlation of the cosines among unseen passages: the student's against the teacher's."""
    rows = table[0] * table[1][:, None]
    unseen = passages(UNSEEN, seed=2)
    student = np.array([rows[ids].sum(axis=0) for ids in unseen])
    student /= np.linalg.norm(student, axis=1, keepdims=True)
    taught = teacher.embed_documents([text_of(ids) for ids in unseen]).vectors
    return float(np.corrcoef((student @ student.T).ravel(), (taught @ taught.T).ravel())[0, 1])


def test_a_student_agrees_with_its_teacher_and_better_for_having_read_passages() -> None:
    teacher = HashEmbedder(DIMENSIONS)
    by_words = distilled(teacher, WORDS, DIMENSIONS, None, SilentProgress())
    by_passages = distilled(teacher, WORDS, DIMENSIONS, lesson(passages(PASSAGES, seed=1)), SilentProgress())
    assert agreement(by_passages, teacher) > 0.7 > agreement(by_words, teacher) > 0.5


def test_the_same_lesson_gives_the_same_student() -> None:
    taught = lesson(passages(200, seed=1))
    one, other = (distilled(HashEmbedder(), WORDS, DIMENSIONS, taught, SilentProgress()) for _ in range(2))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_the_table_has_a_row_a_word_and_nothing_for_the_unknown() -> None:
    codes, scales = distilled(HashEmbedder(64), WORDS, DIMENSIONS, None, SilentProgress())
    assert codes.dtype == np.int8
    assert scales.dtype == np.float32
    assert codes.shape == (len(WORDS), DIMENSIONS)
    assert not codes[0].any()
    assert np.flatnonzero(scales == 0).tolist() == [0]


@pytest.mark.parametrize("count", [0, 20])
def test_passages_without_known_words_disturb_nothing(count: int) -> None:
    ids = passages(count, seed=1)
    some = Lesson([*(text_of(each) for each in ids), "?"], [*map(np.array, ids), np.array([], int)], lesson(ids).counts)
    codes, scales = distilled(HashEmbedder(), WORDS, DIMENSIONS, some, SilentProgress())
    assert codes.any()
    assert np.isfinite(scales).all()


def test_more_dimensions_than_the_teacher_has_are_refused() -> None:
    with pytest.raises(UsageError, match="64 dimensions, not 65"):
        distilled(HashEmbedder(64), WORDS, 65, None, SilentProgress())


def test_a_teacher_that_gives_no_finite_vector_is_refused() -> None:
    class Broken(HashEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            found = super().embed_documents(texts)
            found.vectors[-1, 0] = np.nan
            return found

    with pytest.raises(ModelUnsoundError):
        distilled(Broken(), WORDS, DIMENSIONS, None, SilentProgress())


@given(arrays(np.float32, (20, 6), elements=st.floats(-1, 1, width=32)))
def test_all_axes_keep_every_product(vectors: np.ndarray) -> None:
    turned = vectors @ principal_axes([vectors], 6)
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-4)


def test_the_axes_are_those_along_which_most_of_the_length_lies() -> None:
    vectors = np.random.default_rng(1).standard_normal((500, 4)).astype(np.float32) * np.array(
        [1, 9, 3, 0.1], np.float32
    )
    first, second = principal_axes([vectors], 2).T
    assert int(np.abs(first).argmax()) == 1
    assert int(np.abs(second).argmax()) == 2


@given(st.lists(st.integers(0, 10**6), min_size=2).filter(any))
def test_the_more_frequent_a_token_the_less_it_weighs(counts: list[int]) -> None:
    weights = inverse_frequency(np.array(counts, np.float64))
    order = np.argsort(counts)
    assert (np.diff(weights[order]) <= 0).all()
    assert ((weights > 0) & (weights <= 1)).all()
