"""Answering a question from one snapshot of the corpus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from instar.domain.corpus import SourceKind
from instar.domain.generations import Generation, Pointer, Weights
from instar.domain.search import Hit, Mode, Scope, SearchAnswer, SearchRequest
from instar.domain.stored import ChunkRow, ChunkTraits
from instar.errors import ModelError
from instar.ports import CorpusSnapshot, EmbeddedQuery, Embedder, LexicalIndex, Store, Vector, VectorIndex
from instar.search.arms import Arms
from instar.search.fusion import Candidate, Found, fuse
from instar.search.ranking import Ranked, least_of_each, rank, read_question, worth_reading
from instar.search.recall import with_sessions

DEPTH = 30
"""Candidates of each arm that are ranked, where no more hits are wanted. 50 raise nDCG@10 from .894 to .897 on the
development questions of the code search benchmark, change nothing on others, and take 0.2 ms more."""
FAMILIARITY_POWER = 2
LEAST_WORTH = 0.05
"""The vector arm counts by the square of the share of the question's words that its model knows, and never for nothing.
A French question to a model of English and code is thus left to the words: with the built-in model nDCG@10 on PIAF
rises from .723 to .816, and moves by .002 at most on the development questions of the code search benchmark and of
CoSQA; with all-MiniLM-L6-v2 it rises from .767 to .814 on PIAF and from .870 to .886 on the former, and falls from .551
to .528 on the latter."""


_Known = list[tuple[Candidate, ChunkTraits]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with what asking the arms takes: no vector where the vector arm is not asked."""

    request: SearchRequest
    generation: Generation | None
    vector: Vector | None
    weights: Weights
    depth: int


class SearchEngine:
    """Both arms, fused and ranked; keeps what it can between questions. Not for use by several threads at once."""

    def __init__(
        self,
        store: Store,
        lexical: LexicalIndex,
        vectors_of: Callable[[Generation], VectorIndex],
        embedder_of: Callable[[Generation], Embedder | None],
    ) -> None:
        self._store = store
        self._arms = Arms(lexical, vectors_of)
        self._embedder_of = embedder_of

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Answer from one snapshot: one active pointer, its model, its vectors."""
        with self._store.snapshot() as snapshot:
            pointer = snapshot.pointer()
            generation = pointer.generation if pointer else None
            problems: list[str] = []
            question = self._question(request, pointer, problems)
            freshness = snapshot.freshness(request.scope.root_ids)
            unembedded = snapshot.unembedded(generation.id, request.scope.root_ids) if generation is not None else 0
            found = self._candidates(snapshot, question, problems, sessions=freshness.sessions)
            hits = _hits(snapshot, request, found, sessions=freshness.sessions)
            return SearchAnswer(
                request=request,
                generation=generation,
                indexed_at=freshness.indexed_at,
                pending=freshness.pending + unembedded,
                degraded="; ".join(problems) or None,
                hits=hits,
            )

    # The question

    def _question(self, request: SearchRequest, pointer: Pointer | None, problems: list[str]) -> _Asked:
        depth = max(DEPTH, request.limit)
        if request.mode == Mode.LEXICAL or pointer is None:
            return _Asked(request, None, None, Weights(), depth)
        generation = pointer.generation
        embedded = self._embedded(generation, request.query, problems)
        if embedded is None or request.mode == Mode.VECTOR:
            return _Asked(request, generation, embedded and embedded.vector, Weights(), depth)
        worth = max(LEAST_WORTH, embedded.familiarity**FAMILIARITY_POWER)
        given = request.weights or pointer.query.weights
        weights = Weights(given.lexical, given.vector * worth)
        return _Asked(request, generation, embedded.vector, weights, depth)

    def _embedded(self, generation: Generation, text: str, problems: list[str]) -> EmbeddedQuery | None:
        """Return a question's vector and how much of it the model knows; None where the model cannot be had."""
        if generation.changed:
            problems.append(
                f"{generation.changed}, so nothing is found by meaning: put the former model back and run `instar"
                " index`, or run `instar index --rebuild`"
            )
            return None
        try:
            embedder = self._embedder_of(generation)
            if embedder is not None:
                return embedder.embed_query(text)
        except ModelError as error:
            problems.append(f"{error.message}, so nothing is found by meaning: {error.remedy}")
            return None
        problems.append(
            f"the model of the active generation ({generation.model.called} {generation.model.revision}) is not"
            " there, so nothing is found by meaning: `instar index` builds the generation of the wanted model"
        )
        return None

    # The candidates

    def _candidates(self, snapshot: CorpusSnapshot, question: _Asked, problems: list[str], *, sessions: bool) -> _Known:
        """Ask both arms; once more by words for files, or for sessions, where the one left no room for the other."""
        scope, least = question.request.scope, least_of_each(question.request.limit)
        lexical, vector = self._from_arms(snapshot, question, problems)
        found = _known(snapshot, fuse(lexical, vector, question.weights), scope)
        if (lexical or vector) and not found:
            problems.append("what was found is not in the database any more: run `instar index`, then `instar verify`")
        if not sessions or scope.source is not None or len(lexical) < question.depth:  # then all that fits was found
            return found
        for source in _drowned(found, least):
            narrowed = replace(scope, source=source)
            more = self._arms.by_words(snapshot, question.request.query, narrowed, least, problems)
            found += _known(
                snapshot, _unknown(fuse(more, [], question.weights, behind=question.depth), found), narrowed
            )
        return found

    def _from_arms(self, snapshot: CorpusSnapshot, question: _Asked, problems: list[str]) -> tuple[Found, Found]:
        request = question.request
        lexical: Found = []
        vector: Found = []
        if request.mode != Mode.VECTOR:
            lexical = self._arms.by_words(snapshot, request.query, request.scope, question.depth, problems)
        if question.generation is not None and question.vector is not None:
            vector = self._arms.by_vector(snapshot, question.generation, question.vector, request.scope, question.depth)
        return lexical, vector


def _drowned(found: _Known, least: int) -> list[SourceKind]:
    """Return the sources to ask for apart: sessions, or what files are, of which there are fewer than `least`."""
    of_sessions = sum(traits.source == SourceKind.SESSIONS for _, traits in found)
    files = [SourceKind.CODE, SourceKind.DOCS] if len(found) - of_sessions < least else []
    return [*files, SourceKind.SESSIONS] if of_sessions < least else files


def _unknown(fused: Sequence[Candidate], found: _Known) -> list[Candidate]:
    held = {candidate.text_id for candidate, _ in found}
    return [candidate for candidate in fused if candidate.text_id not in held]


def _known(snapshot: CorpusSnapshot, fused: Sequence[Candidate], scope: Scope) -> list[tuple[Candidate, ChunkTraits]]:
    """Return candidates with what the snapshot knows of their chunks, without those it does not hold in this scope."""
    chunk_of = {c.text_id: c.chunk_id for c in fused}
    traits = snapshot.chunk_traits(list(chunk_of.values()))
    # A document that was stored again has new chunks; the lexical index may know only the former ones.
    lost = [text_id for text_id, chunk_id in chunk_of.items() if chunk_id not in traits]
    if lost:
        chunk_of |= snapshot.chunks_of_texts(lost, scope)
        traits |= snapshot.chunk_traits([chunk_of[text_id] for text_id in lost])
    return [(c, traits[chunk_of[c.text_id]]) for c in fused if chunk_of[c.text_id] in traits]


def _hits(snapshot: CorpusSnapshot, request: SearchRequest, found: _Known, *, sessions: bool) -> tuple[Hit, ...]:
    """Rank the candidates and fetch the best; texts that the ranking had to read are not read again."""
    question = read_question(request.query)
    rows = snapshot.chunk_rows(worth_reading(question, found))
    ranked = rank(question, found, {chunk_id: row.text for chunk_id, row in rows.items()}, request.limit)
    rows |= snapshot.chunk_rows([i for each in ranked if (i := each.traits.chunk_id) not in rows])
    held = [(each, rows[each.traits.chunk_id]) for each in ranked if each.traits.chunk_id in rows]
    hits = tuple(_hit(i, each, row) for i, (each, row) in enumerate(held, 1))
    return with_sessions(snapshot, hits, [row for _, row in held]) if sessions else hits


def _hit(rank: int, ranked: Ranked, row: ChunkRow) -> Hit:
    candidate = ranked.candidate
    return Hit(
        rank=rank,
        score=ranked.score,
        confidence=ranked.confidence,
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
