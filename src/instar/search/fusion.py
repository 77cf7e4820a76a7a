"""Fusion by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over arms of weight / (k + rank(d)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
    by_text: dict[int, tuple[int, int, float]] = {}
    for chunk_id, text_id, score in lexical:
        by_text.setdefault(text_id, (len(by_text) + 1, chunk_id, score))
    by_vector = {text_id: (rank, score) for rank, (text_id, score) in enumerate(vector, 1)}
    fused = []
    for text_id in by_text.keys() | by_vector.keys():
        lexical_rank, chunk_id, lexical_score = by_text.get(text_id, (None, None, None))
        vector_rank, vector_score = by_vector.get(text_id, (None, None))
        score = _share(weights.lexical, lexical_rank) + _share(weights.vector, vector_rank)
        fused.append(Candidate(text_id, chunk_id, score, lexical_rank, lexical_score, vector_rank, vector_score))
    return sorted(fused, key=lambda c: (-c.score, c.lexical_rank or len(by_text) + 1, c.text_id))


def _share(weight: float, rank: int | None) -> float:
    return weight / (RANK_CONSTANT + rank) if rank is not None else 0.0
