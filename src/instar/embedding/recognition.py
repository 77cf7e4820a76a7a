"""Whether a model is the one that made the vectors stored before: canaries, compared by cosine."""

from collections.abc import Mapping

import numpy as np

from instar.embedding.caching import uncached
from instar.embedding.integrity import faults, repeated
from instar.errors import ModelUnsoundError
from instar.ports import Embedder, Vector

SAME_WEIGHTS = 0.998
"""Mean cosine of the canaries from which on a model is the same one. One set of weights agrees to .9999 between ONNX
Runtime and PyTorch, so a new library or processor stays above. Below are other weights, and other precisions of the
same ones: int8 agrees with float32 to .993, which already changes the first ten hits of every eighth question. But
llama.cpp's q8_0, of 8 bits with a scale for every 32 weights, agrees to .9996 and passes."""


def least_agreement(embedder: Embedder) -> float:
    """Return the bound for a model: one that does not repeat itself exactly is held to no more than it promises."""
    return min(SAME_WEIGHTS, embedder.agreement)


def embed_canaries(embedder: Embedder, texts: tuple[str, ...]) -> dict[str, Vector]:
    """Return the vector (d,) of each text. Raises `ModelUnsoundError` where one of them could not be stored."""
    vectors = uncached(embedder).embed_documents(texts).vectors
    unsound = faults(vectors, len(texts), embedder.spec) or repeated(vectors, texts)
    if unsound:
        raise ModelUnsoundError(
            f"{embedder.spec.called} gave a plain sentence a vector that is {next(iter(unsound.values()))}",
            "see `instar model check`, or name another model",
        )
    return dict(zip(texts, vectors, strict=True))


def agreement(stored: Mapping[str, Vector], now: Mapping[str, Vector]) -> float:
    """Return the mean cosine between vectors of the same texts, all of unit length; of all texts in `now`."""
    return float(np.mean([stored[text] @ vector for text, vector in now.items()]))
