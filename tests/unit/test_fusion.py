import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.domain.generations import Weights
from instar.search.fusion import RANK_CONSTANT, fuse

ids = st.lists(st.integers(1, 30), unique=True, max_size=20)


def test_a_text_both_arms_return_comes_before_those_of_one_arm():
    fused = fuse([(10, 1, 9.0), (20, 2, 8.0)], [(30, 3, 0.9), (21, 2, 0.8)], Weights())
    best = fused[0]
    assert best.text_id == 2
    assert (best.chunk_id, best.lexical_rank, best.lexical_score) == (20, 2, 8.0)
    assert (best.vector_rank, best.vector_score) == (2, 0.8)


def test_the_score_is_the_weighted_sum_of_reciprocal_ranks():
    (only,) = fuse([(10, 1, 9.0)], [(10, 1, 0.5)], Weights(2.0, 3.0))
    assert only.score == pytest.approx(5.0 / (RANK_CONSTANT + 1))


def test_copies_of_a_text_count_once_and_take_no_rank_from_others():
    fused = fuse([(10, 1, 9.0), (11, 1, 9.0), (20, 2, 8.0)], [], Weights())
    assert [(c.text_id, c.chunk_id, c.lexical_rank) for c in fused] == [(1, 10, 1), (2, 20, 2)]


@given(ids, ids)
def test_order_is_that_of_the_scores_and_nothing_is_lost(lexical, vector):
    fused = fuse([(i * 10, i, 1.0) for i in lexical], [(i * 10, i, 0.5) for i in vector], Weights())
    scores = [c.score for c in fused]
    assert scores == sorted(scores, reverse=True)
    assert len(fused) == len({*lexical, *vector})


@given(ids)
def test_one_arm_alone_keeps_its_order(lexical):
    fused = fuse([(i * 10, i, 1.0) for i in lexical], [], Weights())
    assert [c.text_id for c in fused] == lexical
