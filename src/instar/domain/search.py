"""A question and its answer."""

from dataclasses import dataclass, field
from enum import StrEnum

from instar.domain.generations import Generation


class Mode(StrEnum):
    """Which arms answer."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Place:
    """A root, or the part of it below `folder` (POSIX, relative to the root; "" for all of it)."""

    root_id: int
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which documents may answer; a field that is None narrows nothing. `path` is a glob: see `instar.domain.globs`."""

    places: tuple[Place, ...] | None = None
    source: str | None = None
    language: str | None = None
    repository: str | None = None
    path: str | None = None

    @property
    def root_ids(self) -> tuple[int, ...] | None:
        """The roots concerned, None for all."""
        return None if self.places is None else tuple(dict.fromkeys(place.root_id for place in self.places))

    @property
    def narrows_paths(self) -> bool:
        """Whether documents of one root are told apart by their paths."""
        return self.path is not None or any(place.folder for place in self.places or ())


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the two arms in the fusion by reciprocal rank; see `instar.search.fusion` for how they were chosen."""

    lexical: float = 1.0
    vector: float = 1.0


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A question; `limit` is the number of hits wanted."""

    query: str
    scope: Scope = field(default_factory=Scope)
    mode: Mode = Mode.HYBRID
    limit: int = 10
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers. Ranks are 1-based; a rank or score is None where that arm did not return the chunk."""

    rank: int
    score: float
    source: str
    root: str
    path: str
    start_line: int
    end_line: int
    language: str | None
    symbol: str
    lexical_rank: int | None
    lexical_score: float | None
    vector_rank: int | None
    vector_score: float | None
    text: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Hits in order, and how fresh and how whole the answer is.

    `indexed_at` (seconds since the epoch) is the oldest complete scan among the roots searched, None if one was never
    scanned in full. `pending` counts documents known to be changed but not searchable in full. `degraded` says in one
    sentence what is missing from the answer, None where nothing is.
    """

    request: SearchRequest
    generation: Generation | None
    indexed_at: float | None
    pending: int
    degraded: str | None
    hits: tuple[Hit, ...]
