"""Distilling any model into a table of token vectors (the form of model2vec), with the corpus as its textbook.

The table begins as in model2vec (Minish Lab, https://github.com/MinishLab/model2vec): the teacher embeds every token,
principal components are kept, rows are weighted by smooth inverse frequency (Arora et al. 2017). Tokens alone do not
say what a passage is about, so where there are passages the table is then fitted to what the teacher says of them: the
normalised sum of the rows of a passage's tokens is to point where the teacher's vector points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instar.domain.vectors import Int8Codes, quantise
from instar.errors import ModelUnsoundError, UsageError
from instar.ports import Embedder, Matrix, Progress

EMBEDDED_AT_ONCE = 512
ZIPF_SMOOTHING = 1e-4
"""Weight of a token = a / (a + its share), with this a, as in model2vec: words that are everywhere say little."""
EPOCHS = 8
BATCH = 64
RATE = 0.005
BETAS, EPSILON = (0.9, 0.98), 1e-8
SEED = 7

Tokens = NDArray[np.int64]
"""Numbers of tokens, shape (t,), with repetitions."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Passages, the tokens of each, and how often each token of the vocabulary stands in the corpus, (v,)."""

    texts: Sequence[str]
    tokens: Sequence[Tokens]
    counts: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Bag:
    """The different tokens of a passage and how often each stands there."""

    ids: Tokens
    counts: NDArray[np.float32]


def distilled(
    teacher: Embedder, words: Sequence[str], dimensions: int, lesson: Lesson | None, progress: Progress
) -> Int8Codes:
    """Return the table (v, dimensions) for a vocabulary, given by the string of each token; the first is "unknown".

    Raises `UsageError` for more dimensions than the teacher has, and what the teacher raises.
    """
    if dimensions > teacher.spec.stored_dimensions:
        raise UsageError(
            f"{teacher.spec.called} has {teacher.spec.stored_dimensions} dimensions, not {dimensions}", "ask for fewer"
        )
    of_words = embedded(teacher, words, "words", progress)
    of_texts = embedded(teacher, lesson.texts, "passages", progress) if lesson else None
    axes = principal_axes([of_words] if of_texts is None else [of_words, of_texts], dimensions)
    # Without a corpus the order of the vocabulary stands for frequencies: by Zipf's law they fall as the rank grows.
    weights = inverse_frequency(lesson.counts if lesson else 1 / np.arange(2.0, len(words) + 2))
    table = ((of_words - of_words.mean(axis=0)) @ axes * weights[:, None]).astype(np.float32)
    if lesson and of_texts is not None:
        fit(table, lesson.tokens, of_texts @ axes, progress)
    table[0] = 0.0  # what is unknown says nothing
    return quantise(table)


def embedded(teacher: Embedder, texts: Sequence[str], phase: str, progress: Progress) -> Matrix:
    """Return the teacher's vectors (n, d). Raises `ModelUnsoundError` where one is not finite."""
    vectors = np.empty((len(texts), teacher.spec.stored_dimensions), np.float32)
    for start in range(0, len(texts), EMBEDDED_AT_ONCE):
        part = slice(start, start + EMBEDDED_AT_ONCE)
        vectors[part] = teacher.embed_documents(texts[part]).vectors
        progress.step(phase, min(start + EMBEDDED_AT_ONCE, len(texts)), len(texts))
    if not np.isfinite(vectors).all():
        raise ModelUnsoundError(f"{teacher.spec.called} gave vectors that are not finite", "see `instar model check`")
    return vectors


def principal_axes(parts: Sequence[Matrix], dimensions: int) -> Matrix:
    """Return the axes (d, dimensions) along which the vectors of all parts, weighing the same, have most length.

    Nothing is centred: what is to be kept are cosines, and those are taken from the origin.
    """
    moment = sum(part.astype(np.float64).T @ part / len(part) for part in parts)
    _, axes = np.linalg.eigh(np.asarray(moment))
    kept: Matrix = axes[:, ::-1][:, :dimensions].astype(np.float32)
    return kept


def inverse_frequency(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each token (v,) by how often it occurs."""
    weights: NDArray[np.float64] = ZIPF_SMOOTHING / (ZIPF_SMOOTHING + counts / max(counts.sum(), 1.0))
    return weights


def fit(table: Matrix, tokens: Sequence[Tokens], targets: Matrix, progress: Progress) -> None:
    """Turn the rows of `table` (v, d) so that the sum of each passage's points where its target (n, d) does.

    The loss is one minus the cosine; Adam (Kingma and Ba 2015) steps in the rows that a batch touches.
    """
    table /= np.median(np.linalg.norm(table, axis=1)[table.any(axis=1)])  # so that one rate suits every teacher
    taught = np.array([i for i, ids in enumerate(tokens) if ids.size and targets[i].any()])
    bags = [_bag(ids) for ids in tokens]
    goals = targets / np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), EPSILON)
    steps = _Steps(table, EPOCHS * -(-len(taught) // BATCH))
    order = np.random.default_rng(SEED)
    for epoch in range(EPOCHS):
        shuffled = order.permutation(taught)
        for start in range(0, len(shuffled), BATCH):
            batch = shuffled[start : start + BATCH]
            steps.take([bags[i] for i in batch], goals[batch])
        progress.step("fitting", epoch + 1, EPOCHS)


def _bag(tokens: Tokens) -> _Bag:
    ids, counts = np.unique(tokens, return_counts=True)
    return _Bag(ids, counts.astype(np.float32))


class _Steps:
    """Adam's moments, and its steps with a rate that falls to 0."""

    def __init__(self, table: Matrix, steps: int) -> None:
        self._table = table
        self._mean = np.zeros_like(table)
        self._square = np.zeros_like(table)
        self._steps = steps
        self._step = 0

    def take(self, bags: Sequence[_Bag], goals: Matrix) -> None:
        """Take one step for these passages and the unit vectors (n, d) they are to have."""
        rows, local = np.unique(np.concatenate([bag.ids for bag in bags]), return_inverse=True)
        owners = np.repeat(np.arange(len(bags)), [bag.ids.size for bag in bags])
        uses = np.zeros((len(bags), rows.size), np.float32)
        uses[owners, local] = np.concatenate([bag.counts for bag in bags])
        sums = uses @ self._table[rows]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True) + EPSILON
        units = sums / lengths
        cosines = (units * goals).sum(axis=1, keepdims=True)
        self._descend(rows, uses.T @ ((cosines * units - goals) / lengths / len(bags)))

    def _descend(self, rows: Tokens, gradient: Matrix) -> None:
        self._step += 1
        mean = self._mean[rows] = BETAS[0] * self._mean[rows] + (1 - BETAS[0]) * gradient
        square = self._square[rows] = BETAS[1] * self._square[rows] + (1 - BETAS[1]) * gradient**2
        rate = RATE * (1 - (self._step - 1) / self._steps)
        unbiased = mean / (1 - BETAS[0] ** self._step)
        self._table[rows] -= rate * unbiased / (np.sqrt(square / (1 - BETAS[1] ** self._step)) + EPSILON)
