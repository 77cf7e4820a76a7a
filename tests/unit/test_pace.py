"""Sizes of batches by how long they take, for models that are only formulas here."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.embedding.pace import LONGEST_SECONDS, MOST_TEXTS, TARGET_SECONDS, Pace

SETTLED = 40
"""Batches after which a size must have been found."""


def sizes(overhead: float, each: float, first: float = 0.0) -> list[int]:
    """Return the sizes for a model that takes `overhead` seconds a batch, `each` a text and `first` to load."""
    pace = Pace()
    found = []
    for number in range(SETTLED):
        found.append(pace.size())
        pace.took(found[-1], overhead + each * found[-1] + (0.0 if number else first))
    return found


def test_the_first_batch_is_one_text() -> None:
    assert sizes(0.0, 0.04)[0] == 1


@pytest.mark.parametrize("first", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("each", [0.005, 0.02, 0.04, 0.1])
def test_a_batch_takes_about_the_target(each: float, first: float) -> None:
    found = sizes(0.0, each, first)
    assert max(size * each for size in found[1:]) <= 2.1 * TARGET_SECONDS
    assert found[10] * each == pytest.approx(TARGET_SECONDS, abs=each)


def test_the_built_in_model_is_at_full_size_after_three_batches() -> None:
    assert sizes(0.0, 0.0003)[:4] == [1, 8, 64, 512]


def test_a_text_that_takes_longer_than_the_target_goes_alone() -> None:
    assert sizes(0.0, 1.0)[2:] == [1] * (SETTLED - 2)


@pytest.mark.parametrize("overhead", [0.05, 0.25, 0.5])
def test_a_server_that_is_far_away_is_asked_for_many_at_once(overhead: float) -> None:
    each = 0.002
    best = MOST_TEXTS / (overhead + MOST_TEXTS * each)
    size = sizes(overhead, each)[-1]
    assert size / (overhead + size * each) > 0.5 * best


@given(overhead=st.floats(0, 1), each=st.floats(1e-6, 5), first=st.floats(0, 30))
def test_any_model_is_asked_within_the_limits(overhead: float, each: float, first: float) -> None:
    found = sizes(overhead, each, first)
    assert all(1 <= size <= MOST_TEXTS for size in found)
    assert all(size == 1 or overhead + size * each <= 2 * LONGEST_SECONDS + each for size in found)


@given(each=st.floats(1e-4, 2), left=st.floats(0, 1))
def test_no_more_is_begun_than_the_time_allows(each: float, left: float) -> None:
    pace = Pace()
    assert pace.size(left) == 1
    for _ in range(SETTLED):
        pace.took(size := pace.size(), size * each)
    assert pace.size(left) == 1 or pace.size(left) * each <= left * 1.01
    assert pace.size(math.inf) == pace.size()
