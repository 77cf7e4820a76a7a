"""What a run works with, and what it reports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from instar.domain.corpus import Root
from instar.domain.generations import Generation, Weights
from instar.domain.models import StorageFormat
from instar.ports import CorpusSnapshot, CorpusWriter, Embedder, LexicalIndex, SessionSource, Source, VectorIndex

if TYPE_CHECKING:
    from instar.indexing.sessions import SessionReader  # loads patterns, which an answer from what is stored spares

WRITTEN_AT_ONCE = 1_000
"""Chunks stored in one transaction: one fsync among some 0.3 s of reading, and what a kill sets back."""


@dataclass(frozen=True, slots=True)
class Access:
    """The corpus to whoever works on it for long: a view, or the writer's lock, each for a moment."""

    reading: Callable[[], AbstractContextManager[CorpusSnapshot]]
    writing: Callable[[], AbstractContextManager[CorpusWriter]]

    @classmethod
    def under_lock(cls, writer: CorpusWriter) -> "Access":
        """Return that of a run that keeps the lock all the time."""
        return cls(lambda: nullcontext(writer.view()), lambda: nullcontext(writer))


@dataclass(slots=True)
class RootReport:
    """What a run did to one root, in files; `missing` where the root was not there.

    `read` counts files of the root, `transcripts` and `turns` what was read of sessions, `missing_sessions` names the
    folders of transcripts that were not there; the other counts are of both. `unseen` says that the time was
    over before all was looked at.
    """

    path: str
    read: int = 0
    removed: int = 0
    pending: int = 0
    chunks: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    missing: bool = False
    transcripts: int = 0
    turns: int = 0
    missing_sessions: list[str] = field(default_factory=list)
    unseen: bool = False

    def count_skipped(self, counts: Mapping[str, int]) -> None:
        """Add counts by reason."""
        for reason, count in counts.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class Indexing:
    """The parts a run works with. `embedder_of` returns None where the model of a generation is another one now.

    `first` is the model of a new corpus, `wanted` the one the settings name, as they do `storage` and `weights`.
    """

    source_of: Callable[[Root, Sequence[Root]], Source]
    sessions_of: Callable[[Root, str], SessionSource]
    session_reader_of: Callable[[Root, Sequence[Root]], "SessionReader"]
    lexical: LexicalIndex
    vectors_of: Callable[[Generation], VectorIndex]
    embedder_of: Callable[[Generation], Embedder | None]
    first: Callable[[], Embedder]
    wanted: Callable[[], Embedder]
    storage: StorageFormat
    weights: Weights
