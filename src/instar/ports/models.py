"""Embedding models, and the cache of what they made."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from instar.domain.models import EncoderFacts, ModelSpec
from instar.ports.arrays import Matrix, Vector


class Embedded(NamedTuple):
    """Vectors of texts, in order, and the places of those of which the model took only the beginning, ascending."""

    vectors: Matrix
    cut: tuple[int, ...] = ()


class EmbeddedQuery(NamedTuple):
    """The unit vector of a question (zero where it holds no known token), and how much of it the model knows.

    `familiarity` is the share of its words that the model's vocabulary holds whole; 1.0 where that cannot be told.
    """

    vector: Vector
    familiarity: float = 1.0


class Encoder(Protocol):
    """A model as its library or server gives it: no prompts, nothing normalised, nothing checked.

    Loading, asking and closing raise `ModelMissingError` where the model or its library is not there,
    `ModelAwayError` where its server does not answer now, `ModelUnsoundError` where its answer cannot be read.
    """

    @property
    def facts(self) -> EncoderFacts:
        """What identifies the model; found without loading the weights."""
        ...

    @property
    def batch(self) -> int:
        """Texts to hand over at once: 1 where a text's vector would depend on its neighbours."""
        ...

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text, asked for alone, among others, or once more."""
        ...

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return what the model gives for up to `batch` texts, (n, d)."""
        ...

    def familiarity(self, text: str) -> float:
        """Return the share of words that the vocabulary holds whole, 1.0 where that cannot be told."""
        ...

    def close(self) -> None:
        """Free what the model holds; the next call loads it again."""
        ...


@runtime_checkable
class Verifiable(Protocol):
    """An encoder whose files have checksums."""

    def verify(self) -> None:
        """Compare them, which reads the files whole. Raises `ModelMissingError` for one that does not fit."""
        ...


class Embedder(Protocol):
    """A model that turns texts into vectors that can be stored and compared."""

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model and how it is asked."""
        ...

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text; see `Encoder.agreement`."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return one unit vector a text, in order, and which texts were too long."""
        ...

    def embed_query(self, text: str) -> EmbeddedQuery:
        """Return the vector of a question and how familiar the model is with its words."""
        ...


class KeptVector(NamedTuple):
    """A vector as a model gave it, and whether it stands for the beginning of its text only."""

    vector: Vector
    cut: bool


class VectorCache(Protocol):
    """Vectors of texts that were embedded before, by hash. It may lose any of them at any time, and never raises."""

    def find(self, model: str, texts: Sequence[bytes]) -> dict[bytes, KeptVector]:
        """Return what is kept of these hashes (32 bytes each) for a model (its document side), exactly as it was."""
        ...

    def keep(self, model: str, vectors: Mapping[bytes, KeptVector]) -> None:
        """Keep vectors by the hash of their text, and let the longest unused ones go where there is no room."""
        ...

    def forget(self, model: str, texts: Sequence[bytes] | None = None) -> None:
        """Drop the vectors of a model, of these hashes or of all."""
        ...

    def clear(self) -> None:
        """Drop everything."""
        ...
