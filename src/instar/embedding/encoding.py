"""A model as its provider gives it, made into one whose vectors can be stored: prompts, batches, unit length."""

from collections.abc import Iterator, Sequence

import numpy as np

from instar.domain.catalogue import ModelEntry
from instar.domain.models import ModelSpec
from instar.errors import ModelChangedError, ModelUnsoundError, SettingError
from instar.ports import Embedded, EmbeddedQuery, Encoder, Matrix, Vector


class EncodedModel:
    """See `instar.ports.Embedder`. Prompts and truncation are those of the entry.

    Raises `SettingError` for a truncation beyond the model's dimensions, and what the encoder raises.
    """

    def __init__(self, encoder: Encoder, entry: ModelEntry) -> None:
        self.encoder = encoder
        facts = encoder.facts
        if entry.truncation is not None and entry.truncation > facts.dimensions:
            raise SettingError(
                f"{entry.name} has {facts.dimensions} dimensions, so it cannot be truncated to {entry.truncation}",
                "truncate less",
            )
        self._spec = ModelSpec(
            provider=facts.provider,
            name=facts.name,
            revision=facts.revision,
            dimensions=facts.dimensions,
            precision=facts.precision,
            pooling=facts.pooling,
            query_prompt=entry.query_prompt,
            document_prompt=entry.document_prompt,
            context_tokens=facts.context_tokens,
            truncation=entry.truncation,
            centred=entry.centred and entry.truncation is not None,
            runtime=facts.runtime,
            reference=entry.name,
            place=entry.place,
        )

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model and how it is asked."""
        return self._spec

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text."""
        return self.encoder.agreement

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d) float32; texts of like length go together, for the longest one sets the pace.

        A row that is not finite, or zero, stays so: whoever stores it has to see it.
        """
        vectors = np.empty((len(texts), self._spec.stored_dimensions), np.float32)
        cut: list[int] = []
        for places in self._batches(texts):
            found = self.encoder.encode([self._spec.document_prompt + texts[i] for i in places])
            vectors[places] = self._shaped(found.vectors, len(places))
            cut += [places[i] for i in found.cut]
        return Embedded(vectors, tuple(sorted(cut)))

    def embed_query(self, text: str) -> EmbeddedQuery:
        """Return the vector (d,) of a question. Raises `ModelUnsoundError` where the model gives none."""
        found = self.encoder.encode([self._spec.query_prompt + text])
        vector: Vector = self._shaped(found.vectors, 1)[0]
        if not np.isfinite(vector).all():
            raise ModelUnsoundError(f"{self._spec.called} gave a question no finite vector", "see `instar model check`")
        return EmbeddedQuery(vector, self.encoder.familiarity(text))

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        size = max(self.encoder.batch, 1)
        for start in range(0, len(order), size):
            yield order[start : start + size]

    def _shaped(self, vectors: Matrix, count: int) -> Matrix:
        """Return unit vectors of the dimensions that are kept. Raises `ModelUnsoundError` for a wrong shape.

        A server may have truncated them already.
        """
        if vectors.shape not in {(count, self._spec.dimensions), (count, self._spec.stored_dimensions)}:
            # As many as texts, so that it is their length that is wrong: no text is at fault then.
            kind = ModelChangedError if vectors.ndim == 2 and len(vectors) == count else ModelUnsoundError
            raise kind(
                f"{self._spec.called} gave vectors of shape {vectors.shape}, not {(count, self._spec.dimensions)}",
                "the model under this name is another one now: see `instar model check`",
            )
        whole = vectors.astype(np.float32)
        with np.errstate(invalid="ignore", over="ignore"):
            if self._spec.centred:  # a layer norm without its scale, which unit length undoes
                whole -= whole.mean(axis=1, keepdims=True)
            kept = whole[:, : self._spec.stored_dimensions]
            lengths = np.linalg.norm(kept, axis=1, keepdims=True)
            unit: Matrix = np.divide(kept, lengths, out=np.array(kept), where=lengths > 0)
        return unit
