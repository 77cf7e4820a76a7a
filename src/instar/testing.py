"""Public fakes: deterministic, and their output depends on their input."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instar.domain.models import ModelSpec
from instar.ports import Embedded


class HashEmbedder:
    """An embedder without a model: a text is the normalised sum of random vectors drawn from its words."""

    def __init__(self, dimensions: int = 64, revision: str = "1", document_prompt: str = "") -> None:
        self._spec = ModelSpec(
            provider="fake",
            name="hash",
            revision=revision,
            dimensions=dimensions,
            precision="float32",
            pooling="mean",
            document_prompt=document_prompt,
        )

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model."""
        return self._spec

    @property
    def agreement(self) -> float:
        """Vectors of one text are the same."""
        return 1.0

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d)."""
        rows = [self._vector(self._spec.document_prompt + text) for text in texts]
        return Embedded(np.array(rows, np.float32).reshape(len(rows), self._spec.dimensions))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector (d,) of a question."""
        return self._vector(text)

    def familiarity(self, text: str) -> float:
        """Return the share of words in ASCII, as if the model had learnt no others; 1.0 where there is no word."""
        words = text.split()
        return sum(word.isascii() for word in words) / len(words) if words else 1.0

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.zeros(self._spec.dimensions)
        for word in text.lower().split() or [""]:
            seed = hashlib.sha256(f"{self._spec.revision} {word}".encode()).digest()[:8]
            total += np.random.default_rng(int.from_bytes(seed, "little")).standard_normal(self._spec.dimensions)
        return (total / np.linalg.norm(total)).astype(np.float32)
