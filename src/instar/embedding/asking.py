"""Every vector is checked before it is stored."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from instar.embedding.caching import forget_cached, uncached
from instar.embedding.integrity import UNREADABLE, faults, repeated
from instar.errors import ModelChangedError, ModelUnsoundError
from instar.ports import Embedder, Matrix


class Checked(NamedTuple):
    """Vectors (n, d) of texts; the places of those that must not be stored, with the reason; those that were cut."""

    vectors: Matrix
    unsound: dict[int, str]
    cut: frozenset[int]


def embed_checked(embedder: Embedder, texts: Sequence[str]) -> Checked:
    """Embed texts and check every vector; a bad one is asked for once more, alone, where no neighbour can spoil it.

    The model itself is asked then, and its cache forgets such a text: a vector may be bad only beside another one.
    Raises `ModelMissingError`, `ModelAwayError` and `ModelChangedError`; what else cannot be read is a fault of the
    texts it is about.
    """
    vectors = np.zeros((len(texts), embedder.spec.stored_dimensions), np.float32)
    unsound: dict[int, str] = {}
    cut: set[int] = set()
    for first, answer in _answers(embedder, texts):
        vectors[first : first + len(answer.vectors)] = answer.vectors
        unsound |= {first + i: reason for i, reason in answer.unsound.items()}
        cut |= {first + i for i in answer.cut}
    suspected = unsound | {i: reason for i, reason in repeated(vectors, texts).items() if i not in unsound}
    if suspected:
        forget_cached(embedder, [texts[i] for i in suspected])
    still = {}
    for i in suspected:
        ((_, again),) = _answers(uncached(embedder), [texts[i]])
        vectors[i] = again.vectors[0]
        cut = cut - {i} | {i for _ in again.cut}
        if again.unsound:
            still[i] = again.unsound[0]
    if suspected:
        still |= {i: reason for i, reason in repeated(vectors, texts).items() if i not in still}
    return Checked(vectors, still, frozenset(cut - still.keys()))


def _answers(embedder: Embedder, texts: Sequence[str]) -> Iterator[tuple[int, Checked]]:
    """Yield (place of its first text, answer); one that cannot be read is asked for by halves, down to single texts."""
    try:
        vectors, cut = embedder.embed_documents(texts)
        unsound = faults(vectors, len(texts), embedder.spec)
        readable = UNREADABLE not in unsound.values()
    except ModelChangedError:
        raise  # the texts are not at fault
    except ModelUnsoundError:
        readable = False
    if readable:
        yield 0, Checked(vectors, unsound, frozenset(cut))
    elif len(texts) == 1:
        yield 0, Checked(np.zeros((1, embedder.spec.stored_dimensions), np.float32), {0: UNREADABLE}, frozenset())
    else:
        half = len(texts) // 2
        yield from _answers(embedder, texts[:half])
        yield from ((half + first, answer) for first, answer in _answers(embedder, texts[half:]))
