"""Vectors that need not be asked for twice: of questions in memory, of documents in a cache that outlives the index.

Both are keyed by what identifies the model, so that none of another model, revision or prompt can be served.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from instar.domain.models import ModelSpec, document_side, query_side
from instar.embedding.integrity import faults, repeated
from instar.ports import Embedded, EmbeddedQuery, Embedder, KeptVector, Matrix, VectorCache

KEPT_QUESTIONS = 2_048
"""Questions of which the vectors are kept: 3 MB at 384 dimensions, 34 MB at 4,096."""


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """How often a cache could answer since it was made, and how often not."""

    hits: int = 0
    misses: int = 0


class QueryCache:
    """The latest questions to any model, each for a time. For several threads at once."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, EmbeddedQuery]] = OrderedDict()
        self._lock = Lock()
        self._counts = CacheCounts()

    @property
    def counts(self) -> CacheCounts:
        """Hits and misses."""
        return self._counts

    def embed(self, embedder: Embedder, text: str) -> EmbeddedQuery:
        """Return a question with its vector read-only; of two threads that miss at once both ask the model."""
        key = (query_side(embedder.spec), text)
        with self._lock:
            since, kept = self._kept.get(key, (0.0, None))
            if kept is not None and self._clock() - since < self._seconds:
                self._kept.move_to_end(key)
                self._counts = CacheCounts(self._counts.hits + 1, self._counts.misses)
                return kept
            self._counts = CacheCounts(self._counts.hits, self._counts.misses + 1)
        vector, familiarity = embedder.embed_query(text)
        found = EmbeddedQuery(np.array(vector), familiarity)
        found.vector.flags.writeable = False  # whoever is served it next must get what the model gave
        with self._lock:
            self._kept[key] = (self._clock(), found)
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT_QUESTIONS:
                self._kept.popitem(last=False)
        return found


class CachedModel:
    """See `instar.ports.Embedder`: asks the model behind it only for what its caches do not hold.

    Either cache may be None. Raises what the model raises.
    """

    def __init__(self, model: Embedder, questions: QueryCache | None, documents: VectorCache | None) -> None:
        self.model = model
        self._questions = questions
        self._documents = documents
        self.counts = CacheCounts()
        """Of the documents."""

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model and how it is asked."""
        return self.model.spec

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text that the model gives."""
        return self.model.agreement

    def embed_query(self, text: str) -> EmbeddedQuery:
        """Return a question's vector, and how much of it the model knows."""
        return self._questions.embed(self.model, text) if self._questions else self.model.embed_query(text)

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d); those of the cache are the very floats that the model gave."""
        if self._documents is None:
            self.counts = CacheCounts(self.counts.hits, self.counts.misses + len(texts))
            return self.model.embed_documents(texts)
        hashes = [_hash(text) for text in texts]
        shape = (self.spec.stored_dimensions,)
        found = self._documents.find(document_side(self.spec), hashes)
        found = {key: kept for key, kept in found.items() if kept.vector.shape == shape}
        missing = {key: text for key, text in zip(hashes, texts, strict=True) if key not in found}
        self.counts = CacheCounts(
            self.counts.hits + len(texts) - len(missing),
            self.counts.misses + len(missing),
        )
        if missing:
            found |= self._asked(self._documents, missing)
        vectors: Matrix = np.empty((len(texts), *shape), np.float32)
        for row, key in zip(vectors, hashes, strict=True):
            row[:] = found[key].vector
        return Embedded(vectors, tuple(i for i, key in enumerate(hashes) if found[key].cut))

    def forget(self, texts: Sequence[str] | None = None) -> None:
        """Drop what is kept of these documents; of all, as when the model turned out to be another than it said."""
        if self._documents is not None:
            self._documents.forget(document_side(self.spec), None if texts is None else [_hash(text) for text in texts])

    def _asked(self, documents: VectorCache, missing: dict[bytes, str]) -> dict[bytes, KeptVector]:
        """Ask the model for texts by hash, and keep what can be stored."""
        texts = list(missing.values())
        vectors, cut = self.model.embed_documents(texts)
        unsound = faults(vectors, len(texts), self.spec) | repeated(vectors, texts)
        answered = {key: KeptVector(vectors[i], i in cut) for i, key in enumerate(missing)}
        sound = {key: kept for i, (key, kept) in enumerate(answered.items()) if i not in unsound}
        documents.keep(document_side(self.spec), sound)
        return answered


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def forget_cached(embedder: Embedder, texts: Sequence[str] | None = None) -> None:
    """Drop what is kept of these documents of a model (None for all), where it is cached."""
    if isinstance(embedder, CachedModel):
        embedder.forget(texts)


def uncached(embedder: Embedder) -> Embedder:
    """Return the model behind its caches, for whoever has to see how it answers now."""
    return embedder.model if isinstance(embedder, CachedModel) else embedder
