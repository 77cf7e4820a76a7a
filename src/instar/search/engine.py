"""Answering a question from one snapshot of the corpus."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from instar.domain.generations import Generation
from instar.domain.search import Hit, Mode, Scope, SearchAnswer, SearchRequest, Weights
from instar.domain.stored import ChunkRow, Position, StoredVectors
from instar.errors import DerivedDamageError, ModelError
from instar.ports import CorpusSnapshot, Embedder, Ids, LexicalIndex, Store, VectorIndex
from instar.search.fusion import Candidate, fuse
from instar.search.recall import with_sessions

DEPTH = 100
"""Candidates each arm returns; a text beyond that in both has a hundred before it in each."""
SPARE = 10
"""Fused candidates kept beyond those asked for: some may be gone from the snapshot."""
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
            depth = max(DEPTH, request.limit + SPARE)
            lexical = self._lexical_arm(snapshot, request, depth, problems) if request.mode != Mode.VECTOR else []
            vector = (
                self._vector_arm(snapshot, generation, request, depth, problems)
                if request.mode != Mode.LEXICAL and generation is not None
                else []
            )
            fused = fuse(lexical, vector, _weights(request), request.limit + SPARE)
            freshness = snapshot.freshness(request.scope.root_ids)
            unembedded = snapshot.unembedded(generation.id, request.scope.root_ids) if generation is not None else 0
            hits = self._fetch(snapshot, fused, request, sessions=freshness.sessions)
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

    def _lexical_arm(
        self, snapshot: CorpusSnapshot, request: SearchRequest, depth: int, problems: list[str]
    ) -> list[tuple[int, int, float]]:
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
    ) -> list[tuple[int, float]]:
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
            living = snapshot.living([text_id for text_id, _ in found]) if allowed is None else None
            kept = [hit for hit in found if living is None or hit[0] in living]
            if len(kept) >= depth or len(found) < wanted:
                return kept[:depth]
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

    def _fetch(
        self, snapshot: CorpusSnapshot, fused: Sequence[Candidate], request: SearchRequest, *, sessions: bool
    ) -> tuple[Hit, ...]:
        """Fetch the best; what the snapshot does not hold, or not in this scope, is made up for by the next."""
        found: list[tuple[Candidate, ChunkRow]] = []
        while fused and len(found) < request.limit:
            wanted = request.limit - len(found)
            found += self._placed(snapshot, fused[:wanted], request.scope)
            fused = fused[wanted:]
        hits = tuple(_hit(i, c, row) for i, (c, row) in enumerate(found, 1))
        return with_sessions(snapshot, hits, [row for _, row in found]) if sessions else hits

    def _placed(
        self, snapshot: CorpusSnapshot, best: Sequence[Candidate], scope: Scope
    ) -> list[tuple[Candidate, ChunkRow]]:
        placed = snapshot.chunks_of_texts([c.text_id for c in best if c.chunk_id is None], scope)
        chunk_of = {c.text_id: c.chunk_id or placed.get(c.text_id, 0) for c in best}
        rows = snapshot.chunk_rows(list(chunk_of.values()))
        # A document that was stored again has new chunks; the lexical index may know only the former ones.
        lost = [text_id for text_id, chunk_id in chunk_of.items() if chunk_id not in rows]
        if lost:
            chunk_of |= snapshot.chunks_of_texts(lost, scope)
            rows |= snapshot.chunk_rows([chunk_of[text_id] for text_id in lost])
        return [(c, rows[chunk_of[c.text_id]]) for c in best if chunk_of[c.text_id] in rows]


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
