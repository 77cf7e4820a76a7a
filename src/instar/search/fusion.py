"""Fusion by reciprocal rank.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over arms of weight / (k + rank(d)).
"""

from collections.abc import Sequence
from typing import NamedTuple

from instar.domain.generations import Weights

RANK_CONSTANT = 3
"""k of the paper, which takes 60 for many rankings of like quality. Here are two arms, and often one is right and the
other far off, so that the first ranks have to count more: on the development questions of the code search benchmark and
of CoSQA, 60 gives nDCG@10 .798 and .428 (weights 1.5 to 1), 3 gives .824 and .445 (1.3 to 1)."""


Found = Sequence[tuple[int, int, float]]
"""What an arm returns: (chunk id, text id, score), best first."""


class Candidate(NamedTuple):
    """A text that an arm returned. Ranks are 1-based, None where the arm did not return it."""

    text_id: int
    chunk_id: int
    score: float
    lexical_rank: int | None
    lexical_score: float | None
    vector_rank: int | None
    vector_score: float | None


def fuse(lexical: Found, vector: Found, weights: Weights, behind: int = 0) -> list[Candidate]:
    """Fuse what the arms found, best first; `behind` counts what each arm had found before this.

    Copies of one text count once, at the place of the first; the chunk is that of the lexical arm where both have one.
    """
    by_words, by_vector = _first_of_each_text(lexical, behind), _first_of_each_text(vector, behind)
    fused = {text_id: weights.lexical / (RANK_CONSTANT + rank) for text_id, (rank, _, _) in by_words.items()}
    for text_id, (rank, _, _) in by_vector.items():
        fused[text_id] = fused.get(text_id, 0.0) + weights.vector / (RANK_CONSTANT + rank)
    order = sorted(fused, key=fused.__getitem__, reverse=True)  # stable: among equals, the lexical arm's come first
    return [_candidate(i, fused[i], by_words.get(i), by_vector.get(i)) for i in order]


def _first_of_each_text(found: Found, behind: int) -> dict[int, tuple[int, int, float]]:
    """Return (rank, chunk id, score) by text."""
    places: dict[int, tuple[int, int, float]] = {}
    for chunk_id, text_id, score in found:
        if text_id not in places:
            places[text_id] = (behind + len(places) + 1, chunk_id, score)
    return places


def _candidate(
    text_id: int, score: float, by_words: tuple[int, int, float] | None, by_vector: tuple[int, int, float] | None
) -> Candidate:
    vector_rank, vector_chunk, cosine = by_vector or (None, 0, None)
    lexical_rank, chunk_id, lexical_score = by_words or (None, vector_chunk, None)
    return Candidate(text_id, chunk_id, score, lexical_rank, lexical_score, vector_rank, cosine)
