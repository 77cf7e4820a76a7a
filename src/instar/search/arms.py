"""The two arms: BM25 by words, vectors by meaning."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from instar.domain.generations import Generation
from instar.domain.search import Scope
from instar.domain.stored import Position, StoredVectors
from instar.errors import DerivedDamageError
from instar.ports import CorpusSnapshot, Ids, LexicalIndex, Vector, VectorIndex
from instar.search.fusion import Found

KEPT_SCOPES = 16
"""Scopes whose texts and documents are remembered: a developer alternates among a few roots and filters."""

T = TypeVar("T")
_Kept = OrderedDict[Scope, tuple[Position, T]]


@dataclass(slots=True)
class _Tail:
    """Vectors stored since the pack, for one state of the corpus."""

    generation_id: int
    packed: int
    seen: Position
    vectors: StoredVectors


class Arms:
    """Both arms with what they keep between questions."""

    def __init__(self, lexical: LexicalIndex, vectors_of: Callable[[Generation], VectorIndex]) -> None:
        self._lexical = lexical
        self._vectors_of = vectors_of
        self._text_ids: _Kept[Ids] = OrderedDict()
        self._document_ids: _Kept[Sequence[int]] = OrderedDict()
        self._lexical_at: Position | None = None
        self._tail: _Tail | None = None

    def by_words(self, snapshot: CorpusSnapshot, text: str, scope: Scope, depth: int, problems: list[str]) -> Found:
        """Return the best chunks by BM25, of `depth` different texts where there are as many.

        Says in `problems` why there are none where the index cannot be used.
        """
        version = snapshot.version
        if self._lexical_at != version:
            self._lexical_at = self._lexical.position()
        if self._lexical_at is None or self._lexical_at.corpus != version.corpus:
            problems.append("no lexical index, so nothing is found by words: `instar index` builds it")
            return []
        documents = self._documents(snapshot, scope) if scope.narrows_documents else None
        if documents == []:
            return []
        wanted = depth
        try:
            while True:  # copies of one text, as in resumed sessions, must not keep the others out
                found = self._lexical.search(text, wanted, scope, documents)
                if len({text_id for _, text_id, _ in found}) >= depth or len(found) < wanted:
                    return found
                wanted *= 2
        except DerivedDamageError as error:
            self._lexical.mark_damaged()
            self._lexical_at = None
            problems.append(f"{error.message}, so nothing is found by words: `instar index` rebuilds it")
            return []

    def by_vector(
        self, snapshot: CorpusSnapshot, generation: Generation, query: Vector, scope: Scope, depth: int
    ) -> Found:
        """Return a chunk for each of the texts with the best cosines."""
        if not query.any():
            return []
        index = self._vectors_of(generation)
        tail = self._unpacked(snapshot, generation, index)
        allowed = self._allowed(snapshot, scope)
        wanted = depth
        while True:  # the pack may hold texts that are gone: they must not keep the living out
            found = index.search(query, wanted, tail, allowed)
            chunk_of = snapshot.chunks_of_texts([text_id for text_id, _ in found], scope)
            living = [(chunk_of[text_id], text_id, cosine) for text_id, cosine in found if text_id in chunk_of]
            if len(living) >= depth or len(found) < wanted:
                return living[:depth]
            wanted *= 2

    def _unpacked(self, snapshot: CorpusSnapshot, generation: Generation, index: VectorIndex) -> StoredVectors:
        """Return the vectors outside the pack, read again only when something was stored or packed."""
        stored = snapshot.vector_position
        packed = index.position(stored.corpus)
        start = packed.sequence if packed else 0
        tail = self._tail
        if tail is None or (tail.generation_id, tail.packed, tail.seen) != (generation.id, start, stored):
            vectors = snapshot.vectors_after(generation.id, start)
            tail = self._tail = _Tail(generation.id, start, stored, vectors)
        return tail.vectors

    def _documents(self, snapshot: CorpusSnapshot, scope: Scope) -> Sequence[int]:
        return _kept(self._document_ids, scope, snapshot.version, lambda: snapshot.documents_in(scope).tolist())

    def _allowed(self, snapshot: CorpusSnapshot, scope: Scope) -> Ids | None:
        """Return the texts of a scope, None for everything."""
        if scope == Scope():
            return None
        return _kept(self._text_ids, scope, snapshot.version, lambda: snapshot.texts_in(scope))


def _kept(cache: "_Kept[T]", scope: Scope, version: Position, make: Callable[[], T]) -> T:
    """Return what belongs to a scope, made anew when the corpus has changed."""
    held = cache.get(scope)
    if held is None or held[0] != version:
        held = cache[scope] = (version, make())
        if len(cache) > KEPT_SCOPES:
            cache.popitem(last=False)
    cache.move_to_end(scope)
    return held[1]
