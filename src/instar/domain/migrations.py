"""A migration: the recorded way from one active generation to the next, and which steps of it are legal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from instar.domain.generations import QuerySide

Figure = str | int | float | bool | None


class State(StrEnum):
    """Where a migration stands; see `FOLLOWS` for the way from one to the next."""

    PLANNED = "planned"
    BUILDING = "building"
    PAUSED = "paused"
    CHECKING = "checking"
    READY = "ready"
    ACTIVE = "active"
    SETTLED = "settled"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled back"


FOLLOWS: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.BUILDING, State.ABORTED}),
    State.BUILDING: frozenset({State.PAUSED, State.CHECKING, State.ABORTED}),
    State.PAUSED: frozenset({State.BUILDING, State.ABORTED}),
    # Texts may come while it is checked, and a gate may not let it through.
    State.CHECKING: frozenset({State.READY, State.BUILDING, State.PAUSED, State.ABORTED}),
    # Looked at again when it is let in, for it may have waited for long.
    State.READY: frozenset({State.ACTIVE, State.CHECKING, State.ABORTED}),
    State.ACTIVE: frozenset({State.SETTLED, State.ROLLED_BACK}),
    State.SETTLED: frozenset(),
    State.ABORTED: frozenset(),
    State.ROLLED_BACK: frozenset(),
}
"""The states a state may turn into."""

OPEN = frozenset({State.PLANNED, State.BUILDING, State.PAUSED, State.CHECKING, State.READY})
"""A corpus has one migration at most in these."""


class Cutover(StrEnum):
    """Who makes a ready generation active: the process that built it, a person, or nobody for now."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a migration: a generation with what belongs to its questions. `model` is the name it is known by."""

    generation_id: int
    model: str
    query: QuerySide


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings want: the name of a model, the fingerprint of its generation, what belongs to questions."""

    model: str
    fingerprint: str
    query: QuerySide


@dataclass(frozen=True, slots=True)
class Migration:
    """`made` says that the target generation did not exist before; `started_at` is in seconds since the epoch.

    `cause` is that of the step that led to `state`.
    """

    id: int
    former: Side
    target: Side
    made: bool
    state: State
    cause: str
    cutover: Cutover
    throttle: str
    started_at: float

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a migration: `at` in seconds since the epoch, `actor` the process and user that did it."""

    state: State
    at: float
    actor: str
    cause: str
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who does the work of the open migration until `expires_at`, in seconds since the epoch.

    `token` is higher than that of every holder before.
    """

    holder: str
    token: int
    expires_at: float


def legal(former: State, following: State) -> bool:
    """Whether a migration may go from one state to another."""
    return following in FOLLOWS[former]
