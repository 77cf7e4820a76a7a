"""What a run works with, and what it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from instar.domain.corpus import Root
from instar.domain.generations import Generation
from instar.domain.models import StorageFormat
from instar.ports import Embedder, LexicalIndex, Source, VectorIndex


@dataclass(slots=True)
class RootReport:
    """What a run did to one root, in files; `missing` where the root was not there."""

    path: str
    read: int = 0
    removed: int = 0
    pending: int = 0
    chunks: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Indexing:
    """The parts a run works with. `embedder_of` returns None where the model of a generation cannot be had."""

    source_of: Callable[[Root, Sequence[Root]], Source]
    lexical: LexicalIndex
    vectors_of: Callable[[Generation], VectorIndex]
    embedder_of: Callable[[Generation], Embedder | None]
    wanted: Callable[[], Embedder]
    storage: StorageFormat
