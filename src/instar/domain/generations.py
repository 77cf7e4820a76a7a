"""A generation: the vectors of the whole corpus under one document fingerprint."""

from dataclasses import dataclass, field

from instar.domain.models import ModelSpec, StorageFormat


@dataclass(frozen=True, slots=True)
class Generation:
    """`fingerprint` is that of `model` and `storage`; `created_at` is in seconds since the epoch.

    `changed` says how its model was found to be another one when it was last looked at, "" where it was not.
    """

    id: int
    model: ModelSpec
    storage: StorageFormat
    fingerprint: str
    created_at: float
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the two arms in the fusion by reciprocal rank; see `instar.search.fusion` for how they were chosen."""

    lexical: float = 1.0
    vector: float = 1.0


@dataclass(frozen=True, slots=True)
class QuerySide:
    """What belongs to the questions alone, so that it changes without embedding anything: it is the pointer's."""

    query_prompt: str = ""
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What answers: a generation, whose model has the query prompt of `query`; since when, in seconds of the epoch."""

    generation: Generation
    query: QuerySide
    changed_at: float


@dataclass(frozen=True, slots=True)
class Completeness:
    """A generation against the live texts of the corpus: `missing` have no vector, `quarantined` were given up."""

    texts: int
    missing: int
    quarantined: int
