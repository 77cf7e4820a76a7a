"""What the store hands out: rows and positions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instar.domain.models import StorageFormat
from instar.domain.search import SessionTurn


@dataclass(frozen=True, slots=True)
class Position:
    """How far a follower has read. Positions of two corpora never compare equal: `corpus` is random."""

    corpus: str
    sequence: int


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk with where it stands."""

    chunk_id: int
    text_id: int
    document_id: int
    root: str
    path: str
    source: str
    language: str | None
    start_line: int
    end_line: int
    symbol: str
    kind: str
    text: str
    turn_id: int | None = None


class ChunkTraits(NamedTuple):
    """What of a chunk is known without its text; see `instar.domain.chunks.Chunk` for the symbol and the kind.

    `unit` is the same for the chunks of one file, and for those of one turn of a session. `path` is "" in a session,
    for the place of a transcript says nothing of what it holds.
    """

    chunk_id: int
    unit: int
    path: str
    source: str
    symbol: str
    kind: str


class MarkedChunk(NamedTuple):
    """A chunk that a generation holds no whole vector of: its absolute path and lines, its text, and the reason."""

    path: str
    start_line: int
    end_line: int
    text_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """`indexed_at`: the oldest complete scan (seconds since the epoch), None if a root was never scanned in full.

    `pending` counts documents known to have changed and not read yet. `sessions`: whether transcripts were asked for,
    for any root at all.
    """

    indexed_at: float | None
    pending: int
    sessions: bool = False


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn, the first text of the prompt it answers, and the files touched; see `instar.domain.search.Hit`."""

    turn: SessionTurn
    answers: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What is stored of the sessions of a root; `passed_over` counts records that gave no turn, by kind."""

    sessions: int
    transcripts: int
    turns: int
    passed_over: dict[str, int]


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Vectors as they are stored: row i of `data` (n, bytes a vector; uint8) is that of `text_ids[i]` (n,; int64).

    `sequence` is the last one read; see `instar.domain.vectors` for the layout of a row.
    """

    text_ids: NDArray[np.int64]
    data: NDArray[np.uint8]
    storage: StorageFormat
    sequence: int


@dataclass(frozen=True, slots=True)
class DatabaseCheck:
    """`problems` cannot be mended here; `bad_vectors` (ids of texts) can be embedded again.

    Of `bad_canaries` (ids of generations) the damaged ones can be dropped.
    """

    problems: tuple[str, ...]
    bad_vectors: tuple[int, ...]
    bad_canaries: tuple[int, ...] = ()
