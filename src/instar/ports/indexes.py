"""What is derived from the corpus and searched: words and vectors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from instar.domain.corpus import LexicalRow
from instar.domain.search import Scope
from instar.domain.stored import (
    Position,
    StoredVectors,
)
from instar.ports.arrays import Ids, Vector


class LexicalIndex(Protocol):
    """The BM25 index: a follower of the corpus' change log, to be thrown away and rebuilt at any time."""

    def position(self) -> Position | None:
        """Up to where the change log has been read; None where there is no usable index."""
        ...

    def clear(self) -> None:
        """Drop everything, so that the index can be filled from the start."""
        ...

    def apply(self, removed: Mapping[int, int], added: Iterable[LexicalRow], position: Position) -> None:
        """Remove the rows of the documents `removed`, add rows and move to `position`, in one commit.

        Of each document the rows from the given chunk on are removed: 0 for all.
        """
        ...

    def search(
        self, query: str, limit: int, scope: Scope, documents: Sequence[int] | None = None
    ) -> list[tuple[int, int, float]]:
        """Return the best (chunk id, text id, score) for the tokens of `query`, best first.

        Paths and sessions are not looked at: `documents`, where given, are the ids of those that fit.
        Raises `DerivedDamageError` where the index cannot be used.
        """
        ...

    def mark_damaged(self) -> None:
        """Make sure that nobody uses the index before it has been filled anew."""
        ...

    def verify(self) -> list[str]:
        """Compare the files with their checksums and return what is wrong."""
        ...


class VectorIndex(Protocol):
    """The packed vectors of one generation: a follower, to be thrown away and rebuilt at any time."""

    def position(self, corpus: str) -> Position | None:
        """Up to which stored vector of this corpus has been packed; None where there is no usable pack of it."""
        ...

    def size(self) -> int:
        """Rows in the pack that `position` found."""
        ...

    def pack(self, batches: Iterable[StoredVectors], position: Position) -> None:
        """Replace everything by the rows of `batches` (ascending text ids), in one step."""
        ...

    def search(self, query: Vector, limit: int, tail: StoredVectors, allowed: Ids | None) -> list[tuple[int, float]]:
        """Return the best (text id, cosine), best first, among the packed rows and `tail`.

        `allowed` are the ascending ids of the texts that may answer, None for all.
        """
        ...

    def clear(self) -> None:
        """Drop everything."""
        ...

    def verify(self) -> list[str]:
        """Compare the files with their checksums and return what is wrong."""
        ...
