"""A question and its answer."""

from dataclasses import dataclass, field
from enum import StrEnum

from instar.domain.generations import Generation, Weights


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
    """Which documents may answer; a field that is None narrows nothing. `path` is a glob: see `instar.domain.globs`.

    A path glob, a language, a repository and a folder of a root leave out sessions. The fields from `project` on leave
    out everything else: `project` is the last component of the folder a session began in, or a glob over that folder,
    `session` its id; `role` and `branch` are those of a turn, which began at `since` or later and before `until`
    (seconds since the epoch).
    """

    places: tuple[Place, ...] | None = None
    source: str | None = None
    language: str | None = None
    repository: str | None = None
    path: str | None = None
    project: str | None = None
    session: str | None = None
    role: str | None = None
    branch: str | None = None
    since: float | None = None
    until: float | None = None

    @property
    def root_ids(self) -> tuple[int, ...] | None:
        """The roots concerned, None for all."""
        return None if self.places is None else tuple(dict.fromkeys(place.root_id for place in self.places))

    @property
    def narrows_documents(self) -> bool:
        """Whether documents of one root are told apart by their paths or their sessions."""
        named = (self.path, self.project, self.session)
        return named != (None, None, None) or any(place.folder for place in self.places or ())


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A question; `limit` is the number of hits wanted, `weights` None for those of the active pointer."""

    query: str
    scope: Scope = field(default_factory=Scope)
    mode: Mode = Mode.HYBRID
    limit: int = 10
    weights: Weights | None = None


@dataclass(frozen=True, slots=True)
class SessionTurn:
    """The turn of a session a hit is from; `timestamp` is in seconds since the epoch, None where it is not told.

    `project` is the folder the session began in, `agent` the id of the sub-agent, "" for the main conversation.
    """

    id: str
    turn: str
    role: str
    timestamp: float | None
    project: str
    branch: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class RelatedSession:
    """A session that touched a file: the turn in which it did, and what it did to it."""

    session: str
    turn: str
    timestamp: float | None
    action: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers. Ranks are 1-based; a rank or score is None where that arm did not return the chunk.

    `score` is what it was placed by (no unit; comparable within one answer only). `confidence` is how far it stands
    above the next candidate, as a share of its score, None where there is no next: the higher that of the first hit,
    the likelier it is right. Ranks beyond the depth of an arm are counted on where a source was asked for apart.

    A hit in a session has its turn in `session` (None for files), the beginning of the prompt it `answers`, and the
    `files` touched: by that turn, or where words have none of their own, by the turns that answer the same prompt.
    A hit in a file has in `related_sessions` the sessions that touched it, each once, by its latest edit or, where it
    edited nothing, its latest read: edits before reads, the latest first.
    """

    rank: int
    score: float
    confidence: float | None
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
    session: SessionTurn | None = None
    answers: str = ""
    files: tuple[str, ...] = ()
    related_sessions: tuple[RelatedSession, ...] = ()


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
