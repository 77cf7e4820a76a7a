"""Fusion by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over arms of weight / (k + rank(d)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from instar.domain.search import Weights

RANK_CONSTANT = 3
"""k of the paper, which takes 60 for many rankings of like quality. Here are two arms, and often one is right and the
other far off, so that the first ranks have to count more: on the development questions of the code search benchmark and
of CoSQA, 60 gives nDCG@10 .798 and .428 (weights 1.5 to 1), 3 gives .824 and .445 (1.3 to 1)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that an arm returned. Ranks are 1-based, None where the arm did not return it."""

    text_id: int
    chunk_id: int | None
    score: float
    lexical_rank: int | None = None
    lexical_score: float | None = None
    vector_rank: int | None = None
    vector_score: float | None = None


def fuse(
    lexical: Sequence[tuple[int, int, float]], vector: Sequence[tuple[int, float]], weights: Weights, limit: int
) -> list[Candidate]:
    """Fuse (chunk id, text id, score) of the lexical arm and (text id, cosine) of the vector arm: the best `limit`.

    Copies of one text count once, at the place of the first.
    """
    by_text: dict[int, tuple[int, int, float]] = {}
    for chunk_id, text_id, score in lexical:
        if text_id not in by_text:
            by_text[text_id] = (len(by_text) + 1, chunk_id, score)
    fused = {text_id: weights.lexical / (RANK_CONSTANT + rank) for text_id, (rank, _, _) in by_text.items()}
    for rank, (text_id, _) in enumerate(vector, 1):
        fused[text_id] = fused.get(text_id, 0.0) + weights.vector / (RANK_CONSTANT + rank)
    order = sorted(fused, key=fused.__getitem__, reverse=True)  # stable: among equals, the lexical arm's come first
    by_vector = {text_id: (rank, cosine) for rank, (text_id, cosine) in enumerate(vector, 1)}
    return [_candidate(i, fused[i], by_text.get(i), by_vector.get(i)) for i in order[:limit]]


def _candidate(
    text_id: int, score: float, lexical: tuple[int, int, float] | None, vector: tuple[int, float] | None
) -> Candidate:
    lexical_rank, chunk_id, lexical_score = lexical or (None, None, None)
    vector_rank, cosine = vector or (None, None)
    return Candidate(text_id, chunk_id, score, lexical_rank, lexical_score, vector_rank, cosine)
