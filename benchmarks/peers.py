"""The systems of the search benchmark: Instar and its peers, over the same chunks and the same vectors.

Every peer gets one row a chunk of what Instar stored, and the float32 vectors of Instar's model. It embeds the question
itself with that model, and answers with ten texts.
"""

import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.corpus import LexicalRow, Root
from instar.domain.search import Mode, Place, Scope, SearchRequest
from instar.search.engine import DEPTH
from instar.settings import Settings
from instar.wiring import Workspace

LIMIT = 10
ARM = 100
"""Candidates of each arm where the choice is ours: what Instar takes."""
RANK_CONSTANT = 60
PROBES, REFINED = 50, 10
"""Of LanceDB's IVF_RQ: its own defaults find some .6 of the ten nearest; these find as many as Instar."""
EMBEDDED_AT_ONCE = 512
WITHOUT = -2.0
"""Below any cosine."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a question is narrowed to; `path` is a substring of the path."""

    name: str
    root: Root | None = None
    language: str | None = None
    path: str | None = None

    @property
    def scope(self) -> Scope:
        """The same for Instar."""
        places = None if self.root is None else (Place(self.root.id),)
        return Scope(places=places, language=self.language, path=None if self.path is None else f"*{self.path}*")


@dataclass(frozen=True, slots=True)
class Corpus:
    """All chunks by id, and their vectors (n, d)."""

    rows: list[LexicalRow]
    matrix: NDArray[np.float32]

    def mask(self, narrowed: Filter) -> NDArray[np.bool_]:
        """Return which rows a filter lets through (n,)."""
        return np.array(
            [
                (narrowed.root is None or row.root_id == narrowed.root.id)
                and (narrowed.language is None or row.language == narrowed.language)
                and (narrowed.path is None or narrowed.path in row.path)
                for row in self.rows
            ]
        )


def read_corpus(workspace: Workspace, work: Path) -> Corpus:
    """Read the chunks from Instar's store; embed them, or take the vectors of the last time."""
    with workspace.store.writing() as writer:
        rows = sorted(writer.lexical_rows(None), key=lambda row: row.chunk_id)
    file = work / f"vectors-{workspace.wanted.spec.revision}-{len(rows)}.npy"
    if not file.exists():
        parts = range(0, len(rows), EMBEDDED_AT_ONCE)
        embed = workspace.wanted.embed_documents
        np.save(
            file, np.concatenate([embed([r.text for r in rows[at : at + EMBEDDED_AT_ONCE]]).vectors for at in parts])
        )
    return Corpus(rows, np.load(file))


class System(ABC):
    """One system with its index in `folder`."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: dict[str, Any] = {}
        """What `prepare` found out, by the name of the filter."""

    @abstractmethod
    def build(self, corpus: Corpus) -> None:
        """Build the index from chunks and vectors."""

    @abstractmethod
    def search(self, query: str, narrowed: Filter) -> list[str]:
        """Return the best texts of both arms."""

    def nearest(self, query: str, narrowed: Filter) -> list[str]:
        """Return the best texts of the vector arm alone; for a system that compares exactly, the arm is the truth."""
        raise TypeError(f"{self.name} compares exactly, its recall is not measured ({query!r}, {narrowed})")

    def prepare(self, corpus: Corpus, filters: Sequence[Filter]) -> None:
        """Do beforehand what the system does once for a filter: nothing, but for some."""
        del corpus, filters

    @cached_property
    def embedder(self) -> StaticEmbedder:
        """Instar's model."""
        return StaticEmbedder(builtin_folder())


class Instar(System):
    """Instar over its data folder."""

    name = "instar"

    @cached_property
    def workspace(self) -> Workspace:
        """The open data folder."""
        return Workspace(Settings(data=self.folder))

    def build(self, corpus: Corpus) -> None:
        """Nothing: `instar index` has built it (see indexing.py)."""

    def search(self, query: str, narrowed: Filter) -> list[str]:
        """Both arms."""
        return [hit.text for hit in self.workspace.search(SearchRequest(query, narrowed.scope, limit=LIMIT)).hits]

    def nearest(self, query: str, narrowed: Filter) -> list[str]:
        """The vector arm: the first of its candidates, before they are ranked."""
        request = SearchRequest(query, narrowed.scope, Mode.VECTOR, DEPTH)
        hits = self.workspace.search(request).hits
        return [hit.text for hit in hits if hit.vector_rank is not None and hit.vector_rank <= LIMIT]


class Lance(System):
    """LanceDB: its full-text index, its vector search, its fusion by reciprocal rank."""

    name = "lancedb"
    indexed = False

    @cached_property
    def table(self) -> Any:
        """The open table."""
        import lancedb

        return lancedb.connect(self.folder).open_table("chunks")

    @cached_property
    def reranker(self) -> Any:
        """Its fusion."""
        from lancedb.rerankers import RRFReranker

        return RRFReranker(K=RANK_CONSTANT)

    def build(self, corpus: Corpus) -> None:
        """One table, a full-text index, scalar indexes on what is filtered by."""
        import lancedb
        import pyarrow as pa
        from lancedb.index import FTS, Bitmap, IvfRq

        width = corpus.matrix.shape[1]
        values = pa.FixedSizeListArray.from_arrays(pa.array(corpus.matrix.ravel()), width)
        columns = {
            "root": [row.root_id for row in corpus.rows],
            "language": [row.language for row in corpus.rows],
            "path": [row.path for row in corpus.rows],
            "text": [row.text for row in corpus.rows],
            "vector": values,
        }
        table = lancedb.connect(self.folder).create_table("chunks", pa.table(columns), mode="overwrite")
        table.create_index("text", config=FTS())
        table.create_index("root", config=Bitmap())
        table.create_index("language", config=Bitmap())
        if self.indexed:
            table.create_index("vector", config=IvfRq(distance_type="cosine"))

    def search(self, query: str, narrowed: Filter) -> list[str]:
        """Hybrid."""
        builder = self.table.search(query_type="hybrid", vector_column_name="vector", fts_columns="text")
        builder = self._narrow(builder.vector(self.embedder.embed_query(query).vector).text(query), narrowed)
        return [row["text"] for row in builder.rerank(self.reranker).limit(LIMIT).select(["path", "text"]).to_list()]

    def nearest(self, query: str, narrowed: Filter) -> list[str]:
        """The vector search."""
        builder = self._narrow(
            self.table.search(self.embedder.embed_query(query).vector).distance_type("cosine"), narrowed
        )
        return [row["text"] for row in builder.limit(LIMIT).select(["text"]).to_list()]

    def _narrow(self, builder: Any, narrowed: Filter) -> Any:
        if self.indexed:
            builder = builder.nprobes(PROBES).refine_factor(REFINED)
        parts = []
        if narrowed.root is not None:
            parts.append(f"root = {narrowed.root.id}")
        if narrowed.language is not None:
            parts.append(f"language = '{narrowed.language}'")
        if narrowed.path is not None:
            parts.append(f"path LIKE '%{narrowed.path}%'")
        return builder.where(" AND ".join(parts), prefilter=True) if parts else builder


class LanceIndexed(Lance):
    """The same with an IVF_RQ index over the vectors."""

    name = "lancedb-ivf"
    indexed = True


class SqliteBrute(System):
    """SQLite FTS5, a float32 scan in numpy, fusion by reciprocal rank: what one writes in an afternoon."""

    name = "fts5+numpy"

    @cached_property
    def database(self) -> sqlite3.Connection:
        """The open database."""
        return sqlite3.connect(self.folder / "chunks.db")

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """The vectors."""
        matrix: NDArray[np.float32] = np.load(self.folder / "vectors.npy")
        return matrix

    def build(self, corpus: Corpus) -> None:
        """A table, a full-text index over its text, a file of vectors."""
        self.folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.folder / "chunks.db")
        database.executescript(
            "CREATE TABLE chunks (id INTEGER PRIMARY KEY, root INTEGER, language TEXT, path TEXT, text TEXT);"
            "CREATE VIRTUAL TABLE words USING fts5(text, content='chunks', content_rowid='id');"
        )
        rows = [(i, r.root_id, r.language, r.path, r.text) for i, r in enumerate(corpus.rows)]
        database.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("INSERT INTO words(words) VALUES ('rebuild')")
        database.commit()
        database.close()
        np.save(self.folder / "vectors.npy", corpus.matrix)

    def prepare(self, corpus: Corpus, filters: Sequence[Filter]) -> None:
        """Keep what each filter leaves out."""
        self.kept = {narrowed.name: ~corpus.mask(narrowed) for narrowed in filters if narrowed.scope != Scope()}

    def search(self, query: str, narrowed: Filter) -> list[str]:
        """Both arms, fused."""
        shares: dict[int, float] = {}
        for ranked in (self._lexical(query, narrowed), self._vector(query, narrowed)):
            for rank, row in enumerate(ranked, 1):
                shares[row] = shares.get(row, 0.0) + 1 / (RANK_CONSTANT + rank)
        best = sorted(shares, key=lambda row: -shares[row])[:LIMIT]
        marks = ", ".join("?" * len(best))
        found = dict(self.database.execute(f"SELECT id, text FROM chunks WHERE id IN ({marks})", best))
        return [found[row] for row in best]

    def _lexical(self, query: str, narrowed: Filter) -> list[int]:
        words = {f'"{word}"' for word in "".join(c if c.isalnum() else " " for c in query).split()}
        parts: list[str] = []
        values: list[object] = []
        if narrowed.root is not None:
            parts, values = ["root = ?"], [narrowed.root.id]
        if narrowed.language is not None:
            parts, values = [*parts, "language = ?"], [*values, narrowed.language]
        if narrowed.path is not None:
            parts, values = [*parts, "path GLOB ?"], [*values, f"*{narrowed.path}*"]
        # With `rowid IN (SELECT …)` FTS5 answers the whole question once for every id: 12,000 times for one root.
        joined = f" CROSS JOIN chunks ON chunks.id = words.rowid AND {' AND '.join(parts)}" if parts else ""
        rows = self.database.execute(
            f"SELECT words.rowid FROM words{joined} WHERE words MATCH ? ORDER BY rank LIMIT {ARM}",
            [*values, " OR ".join(words)],
        )
        return [row[0] for row in rows]

    def _vector(self, query: str, narrowed: Filter) -> list[int]:
        scores = self.matrix @ self.embedder.embed_query(query).vector
        left_out = self.kept.get(narrowed.name)
        if left_out is not None:
            scores[left_out] = WITHOUT
        best = np.argpartition(-scores, ARM)[:ARM]
        return [int(row) for row in best[np.argsort(-scores[best])] if scores[row] > WITHOUT]


class Semble(System):
    """semble: its BM25, its exact scan, its ranking for code, all in memory, with Instar's model.

    semble keeps one index a repository, so a question to one root goes to the index of that root.
    """

    name = "semble"

    def build(self, corpus: Corpus) -> None:
        """Put the chunks in its parts and save them as it does."""
        self._write_model()
        self._put(corpus, Filter("all"))

    def _write_model(self) -> None:
        """Write Instar's model as a folder of model2vec."""
        from model2vec import StaticModel
        from tokenizers import Tokenizer

        source = builtin_folder()
        vectors = np.load(source / "vectors.npy").astype(np.float32) * np.load(source / "scales.npy")[:, None]
        tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
        model = StaticModel(vectors, tokenizer, normalize=True, max_length=None)
        model.save_pretrained(self.folder / "model")

    def _put(self, corpus: Corpus, narrowed: Filter) -> None:
        from semble import SembleIndex
        from semble.index.bm25 import BM25
        from semble.index.dense import SelectableBasicBackend, load_model
        from semble.index.sparse import enrich_for_bm25
        from semble.tokens import tokenize
        from semble.types import Chunk
        from vicinity.backends.basic import BasicArgs

        model, model_path = load_model(str(self.folder / "model"))
        words, chunks, ids = BM25.empty(), [], []
        chosen = np.flatnonzero(corpus.mask(narrowed))
        for place in chosen:
            row = corpus.rows[place]
            chunk = Chunk(row.text, f"{row.root_id}/{row.path}", row.chunk_id, row.chunk_id, row.language or None)
            words.add_document(str(row.chunk_id), tokenize(enrich_for_bm25(chunk)))
            chunks.append(chunk)
            ids.append(str(row.chunk_id))
        words.set_doc_order(ids)
        dense = SelectableBasicBackend(corpus.matrix[chosen], BasicArgs())
        index = SembleIndex(model, words, dense, chunks, model_path)
        index.save(self.folder / self._name(narrowed))

    def _name(self, narrowed: Filter) -> str:
        return "all" if narrowed.root is None else str(narrowed.root.id)

    def prepare(self, corpus: Corpus, filters: Sequence[Filter]) -> None:
        """Build the index of a root; resolve path filters, for semble takes the paths themselves."""
        for narrowed in filters:
            if not (self.folder / self._name(narrowed)).exists():
                self._put(corpus, narrowed)
        self.kept = {
            narrowed.name: sorted({f"{r.root_id}/{r.path}" for r in corpus.rows if narrowed.path in r.path})
            for narrowed in filters
            if narrowed.path is not None
        }

    def search(self, query: str, narrowed: Filter) -> list[str]:
        """Its whole search, ranking included."""
        index = self._index(self._name(narrowed))
        languages = None if narrowed.language is None else [narrowed.language]
        paths = None if narrowed.path is None else self.kept[narrowed.name]
        found = index.search(query, LIMIT, filter_languages=languages, filter_paths=paths)
        return [result.chunk.content for result in found]

    def _index(self, name: str) -> Any:
        if name not in self._indexes:
            from semble import SembleIndex

            self._indexes[name] = SembleIndex.load_from_disk(self.folder / name)
        return self._indexes[name]

    @cached_property
    def _indexes(self) -> dict[str, Any]:
        return {}


PEERS: tuple[type[System], ...] = (Lance, LanceIndexed, SqliteBrute, Semble)


def build_peers(systems: Sequence[System], corpus: Corpus, record: Path) -> dict[str, dict[str, float]]:
    """Build what is not built yet and return the seconds each took, then and now."""
    times: dict[str, dict[str, float]] = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for system in systems:
        if system.name in times:
            continue
        wall, processor = time.perf_counter(), time.process_time()
        system.build(corpus)
        times[system.name] = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        record.write_text(json.dumps(times, indent=1), "utf-8")
    return times
