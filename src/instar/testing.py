"""Public fakes: deterministic, and their output depends on their input."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts, ModelSpec
from instar.ports import Embedded, EmbeddedQuery, KeptVector


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

    def embed_query(self, text: str) -> EmbeddedQuery:
        """Return the vector (d,) of a question, familiar by its words in ASCII, as if it had learnt no others."""
        return EmbeddedQuery(self._vector(text), _ascii_share(text))

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.zeros(self._spec.dimensions)
        for word in text.lower().split() or [""]:
            seed = hashlib.sha256(f"{self._spec.revision} {word}".encode()).digest()[:8]
            total += np.random.default_rng(int.from_bytes(seed, "little")).standard_normal(self._spec.dimensions)
        return (total / np.linalg.norm(total)).astype(np.float32)


def _ascii_share(text: str) -> float:
    words = text.split()
    return sum(map(str.isascii, words)) / len(words) if words else 1.0


class HashEncoder:
    """See `instar.ports.Encoder`: the vectors of `HashEmbedder`, three units long, of a text's first words.

    Reads `dimensions` (64), `context_tokens` (words, without limit) and `source` (the revision) of the entry.
    """

    batch = 4
    agreement = 1.0

    def __init__(self, entry: ModelEntry) -> None:
        revision = entry.source or "1"
        self._embedder = HashEmbedder(entry.dimensions or 64, revision)
        self._words = entry.context_tokens
        self.facts = EncoderFacts(
            provider="fake",
            name="hash",
            revision=revision,
            dimensions=entry.dimensions or 64,
            precision="float32",
            pooling="mean",
            context_tokens=entry.context_tokens,
        )

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return vectors (n, d), and which texts were too long."""
        words = [text.split() for text in texts]
        taken = [" ".join(found[: self._words]) for found in words]
        cut = tuple(i for i, found in enumerate(words) if self._words is not None and len(found) > self._words)
        return Embedded(3 * self._embedder.embed_documents(taken).vectors, cut)

    def familiarity(self, text: str) -> float:
        """Return the share of words in ASCII."""
        return _ascii_share(text)

    def close(self) -> None:
        """Do nothing: nothing is held."""


class DictVectorCache:
    """A vector cache without bounds that lasts as long as its object."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[bytes, KeptVector]] = {}

    def find(self, model: str, texts: Sequence[bytes]) -> dict[bytes, KeptVector]:
        """Return what is kept of these hashes for a model."""
        of_model = self._kept.get(model, {})
        return {text: of_model[text] for text in texts if text in of_model}

    def keep(self, model: str, vectors: Mapping[bytes, KeptVector]) -> None:
        """Keep vectors by the hash of their text."""
        self._kept.setdefault(model, {}).update(vectors)

    def forget(self, model: str, texts: Sequence[bytes] | None = None) -> None:
        """Drop the vectors of a model, of these hashes or of all."""
        of_model = self._kept.get(model, {})
        for text in list(of_model) if texts is None else texts:
            of_model.pop(text, None)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
