"""Fusion by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over arms of weight / (k + rank(d)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from instar.domain.search import Weights

RANK_CONSTANT = 60
"""k of the paper: how flat the first ranks are."""


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
    lexical: Sequence[tuple[int, int, float]], vector: Sequence[tuple[int, float]], weights: Weights
) -> list[Candidate]:
    """Fuse (chunk id, text id, score) of the lexical arm and (text id, cosine) of the vector arm, best first.

    Copies of one text count once, at the place of the first.
    """
    candidates: dict[int, Candidate] = {}
    for chunk_id, text_id, score in lexical:
        if text_id not in candidates:
            rank = len(candidates) + 1
            candidates[text_id] = Candidate(text_id, chunk_id, _share(weights.lexical, rank), rank, score)
    for rank, (text_id, cosine) in enumerate(vector, 1):
        former = candidates.get(text_id) or Candidate(text_id, None, 0.0)
        share = former.score + _share(weights.vector, rank)
        candidates[text_id] = replace(former, score=share, vector_rank=rank, vector_score=cosine)
    return sorted(candidates.values(), key=lambda c: (-c.score, c.lexical_rank or len(candidates) + 1, c.text_id))


def _share(weight: float, rank: int) -> float:
    return weight / (RANK_CONSTANT + rank)
