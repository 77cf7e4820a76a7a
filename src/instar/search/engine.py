"""Answering a question from one snapshot of the corpus."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from instar.domain.generations import Generation
from instar.domain.search import Hit, Mode, Scope, SearchAnswer, SearchRequest, Weights
from instar.domain.stored import ChunkRow, ChunkTraits, Position, StoredVectors
from instar.errors import DerivedDamageError, ModelError
from instar.ports import CorpusSnapshot, Embedder, Ids, LexicalIndex, Store, VectorIndex
from instar.search.fusion import Candidate, Found, fuse
from instar.search.ranking import rank
from instar.search.recall import with_sessions

DEPTH = 30
"""Candidates of each arm that are ranked, where no more hits are wanted. 50 raise nDCG@10 from .894 to .897 on the
development questions of the code search benchmark, change nothing on others, and take 0.2 ms more."""
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


class SearchEngine:
    """Both arms, fused; keeps what it can between questions. Not for use by several threads at once."""

    def __init__(
        self,
        store: Store,
        lexical: LexicalIndex,
        vectors_of: Callable[[Generation], VectorIndex],
        embedder_of: Callable[[Generation], Embedder | None],
    ) -> None:
        self._store = store
        self._lexical = lexical
        self._vectors_of = vectors_of
        self._embedder_of = embedder_of
        self._text_ids: _Kept[Ids] = OrderedDict()
        self._document_ids: _Kept[Sequence[int]] = OrderedDict()
        self._lexical_at: Position | None = None
        self._tail: _Tail | None = None

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Answer from one snapshot: one active pointer, its model, its vectors."""
        with self._store.snapshot() as snapshot:
            generation = snapshot.active_generation()
            problems: list[str] = []
            depth = max(DEPTH, request.limit)
            lexical = self._lexical_arm(snapshot, request, depth, problems) if request.mode != Mode.VECTOR else []
            vector = (
                self._vector_arm(snapshot, generation, request, depth, problems)
                if request.mode != Mode.LEXICAL and generation is not None
                else []
            )
            fused = fuse(lexical, vector, _weights(request))
            freshness = snapshot.freshness(request.scope.root_ids)
            unembedded = snapshot.unembedded(generation.id, request.scope.root_ids) if generation is not None else 0
            hits = self._hits(snapshot, fused, request, sessions=freshness.sessions)
            if fused and not hits:
                problems.append(
                    "what was found is not in the database any more: run `instar index`, then `instar verify`"
                )
            return SearchAnswer(
                request=request,
                generation=generation,
                indexed_at=freshness.indexed_at,
                pending=freshness.pending + unembedded,
                degraded="; ".join(problems) or None,
                hits=hits,
            )

    # The arms

    def _lexical_arm(self, snapshot: CorpusSnapshot, request: SearchRequest, depth: int, problems: list[str]) -> Found:
        version = snapshot.version
        if self._lexical_at != version:
            self._lexical_at = self._lexical.position()
        if self._lexical_at is None or self._lexical_at.corpus != version.corpus:
            problems.append("no lexical index, so nothing is found by words: `instar index` builds it")
            return []
        scope = request.scope
        documents = self._documents(snapshot, scope) if scope.narrows_documents else None
        if documents == []:
            return []
        try:
            return self._lexical.search(request.query, depth, scope, documents)
        except DerivedDamageError as error:
            self._lexical.mark_damaged()
            self._lexical_at = None
            problems.append(f"{error.message}, so nothing is found by words: `instar index` rebuilds it")
            return []

    def _vector_arm(
        self,
        snapshot: CorpusSnapshot,
        generation: Generation,
        request: SearchRequest,
        depth: int,
        problems: list[str],
    ) -> Found:
        try:
            embedder = self._embedder_of(generation)
            query = embedder.embed_query(request.query) if embedder is not None else None
        except ModelError as error:
            problems.append(f"{error.message}, answered by text alone")
            return []
        if query is None:
            problems.append(
                f"the model of the active generation ({generation.model.name} {generation.model.revision}) is not"
                " there, answered by text alone: `instar index` builds the generation of the wanted model"
            )
            return []
        if not query.any():
            return []
        index = self._vectors_of(generation)
        tail = self._unpacked(snapshot, generation, index)
        allowed = self._allowed(snapshot, request.scope)
        wanted = depth
        while True:  # the pack may hold texts that are gone: they must not keep the living out
            found = index.search(query, wanted, tail, allowed)
            chunk_of = snapshot.chunks_of_texts([text_id for text_id, _ in found], request.scope)
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

    # The hits

    def _hits(
        self, snapshot: CorpusSnapshot, fused: Sequence[Candidate], request: SearchRequest, *, sessions: bool
    ) -> tuple[Hit, ...]:
        """Rank what the snapshot holds in this scope, and fetch the best."""
        ranked = rank(request.query, self._known(snapshot, fused, request.scope), request.limit)
        rows = snapshot.chunk_rows([traits.chunk_id for _, traits in ranked])
        found = [(candidate, rows[traits.chunk_id]) for candidate, traits in ranked if traits.chunk_id in rows]
        hits = tuple(_hit(i, candidate, row) for i, (candidate, row) in enumerate(found, 1))
        return with_sessions(snapshot, hits, [row for _, row in found]) if sessions else hits

    def _known(
        self, snapshot: CorpusSnapshot, fused: Sequence[Candidate], scope: Scope
    ) -> list[tuple[Candidate, ChunkTraits]]:
        chunk_of = {c.text_id: c.chunk_id for c in fused}
        traits = snapshot.chunk_traits(list(chunk_of.values()))
        # A document that was stored again has new chunks; the lexical index may know only the former ones.
        lost = [text_id for text_id, chunk_id in chunk_of.items() if chunk_id not in traits]
        if lost:
            chunk_of |= snapshot.chunks_of_texts(lost, scope)
            traits |= snapshot.chunk_traits([chunk_of[text_id] for text_id in lost])
        return [(c, traits[chunk_of[c.text_id]]) for c in fused if chunk_of[c.text_id] in traits]


def _kept(cache: "_Kept[T]", scope: Scope, version: Position, make: Callable[[], T]) -> T:
    """Return what belongs to a scope, made anew when the corpus has changed."""
    held = cache.get(scope)
    if held is None or held[0] != version:
        held = cache[scope] = (version, make())
        if len(cache) > KEPT_SCOPES:
            cache.popitem(last=False)
    cache.move_to_end(scope)
    return held[1]


def _weights(request: SearchRequest) -> Weights:
    return request.weights if request.mode is Mode.HYBRID else Weights(1.0, 1.0)


def _hit(rank: int, candidate: Candidate, row: ChunkRow) -> Hit:
    return Hit(
        rank=rank,
        score=candidate.score,
        source=row.source,
        root=row.root,
        path=row.path,
        start_line=row.start_line,
        end_line=row.end_line,
        language=row.language,
        symbol=row.symbol,
        lexical_rank=candidate.lexical_rank,
        lexical_score=candidate.lexical_score,
        vector_rank=candidate.vector_rank,
        vector_score=candidate.vector_score,
        text=row.text,
    )
