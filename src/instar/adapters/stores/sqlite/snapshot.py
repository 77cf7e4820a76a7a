"""One unchanging view of the corpus."""

import hashlib
import json
import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instar.adapters.stores.sqlite import generations, migrations, recall, vector_rows
from instar.adapters.stores.sqlite.records import GENERATION, generation_of, root_of
from instar.adapters.stores.sqlite.scope import chunk_condition, condition, fitting
from instar.domain.corpus import Root, SourceKind
from instar.domain.generations import Completeness, Generation, Pointer
from instar.domain.migrations import Lease, Migration, Step, Wanted
from instar.domain.search import RelatedSession, Scope
from instar.domain.stored import (
    ChunkRow,
    ChunkTraits,
    Freshness,
    MarkedChunk,
    Position,
    SessionCounts,
    StoredVectors,
    TurnRow,
)
from instar.errors import DamagedError

HASH_BYTES = 16


def text_hash(text: str) -> bytes:
    """Return the hash under which a text is stored once."""
    return bytes_hash(text.encode("utf-8", "surrogatepass"))


def bytes_hash(encoded: bytes) -> bytes:
    """Return the hash of a text in UTF-8."""
    return hashlib.blake2b(encoded, digest_size=HASH_BYTES).digest()


class SqliteSnapshot:
    """Reads inside one transaction; see `instar.ports.CorpusSnapshot`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @property
    def version(self) -> Position:
        """The end of the change log this view holds."""
        return self._position("changes")

    @property
    def vector_position(self) -> Position:
        """The last vector this view holds, of any generation."""
        return self._position("vectors")

    def unembedded(self, generation_id: int, roots: Sequence[int] | None) -> int:
        """Return the number of documents with a text beyond the point up to which the generation was filled."""
        rows = self._db.execute(
            # From the texts on: there are none but while vectors are behind, and this is asked with every question.
            "SELECT DISTINCT documents.id, root_id FROM texts CROSS JOIN chunks ON text_id = texts.id"
            " CROSS JOIN documents ON documents.id = document_id"
            " WHERE texts.id > (SELECT filled_to FROM generations WHERE id = ?)",
            (generation_id,),
        )
        return sum(roots is None or row[1] in roots for row in rows)

    def _position(self, table: str) -> Position:
        row = self._db.execute(
            "SELECT value, (SELECT seq FROM sqlite_sequence WHERE name = ?) FROM meta WHERE key = 'corpus'",
            (table,),
        ).fetchone()
        return Position(row[0], row[1] or 0)

    def pointer(self) -> Pointer | None:
        """Read the active pointer."""
        return migrations.pointer(self._db)

    def active_generation(self) -> Generation | None:
        """Return the generation the pointer names."""
        found = self.pointer()
        return found.generation if found else None

    def generations(self) -> list[Generation]:
        """Return all generations, oldest first."""
        return [generation_of(row) for row in self._db.execute(f"SELECT {GENERATION} FROM generations ORDER BY id")]

    def migrations(self) -> list[Migration]:
        """Return all migrations, oldest first."""
        return migrations.all_migrations(self._db)

    def steps(self, migration_id: int) -> list[Step]:
        """Return what happened to a migration, in order."""
        return migrations.steps(self._db, migration_id)

    def noted_wanted(self) -> Wanted | None:
        """Return what the settings wanted when that was acted on last."""
        return migrations.noted_wanted(self._db)

    def lease(self) -> Lease | None:
        """Return the lease as it was written last."""
        return migrations.lease(self._db)

    def backlog(self, generation_id: int, limit: int) -> list[tuple[int, str]]:
        """Return up to `limit` texts without a vector, ascending ids."""
        return vector_rows.backlog(self._db, generation_id, limit)

    def canaries(self, generation_id: int) -> dict[str, NDArray[np.float32]]:
        """Return the vectors by which the model of a generation is known again, by text."""
        return generations.canaries(self._db, generation_id)

    def backlog_size(self, generation_id: int) -> int:
        """Count the texts beyond the hint."""
        return vector_rows.backlog_size(self._db, generation_id)

    def completeness(self, generation_id: int) -> Completeness:
        """Compare by set: a vector of a text that is gone does not make up for a missing one."""
        texts, vectors, quarantined = self._db.execute(
            "SELECT count(*), count(v.text_id), count(q.text_id) FROM texts"
            " LEFT JOIN vectors v ON v.generation_id = ?1 AND v.text_id = texts.id"
            " LEFT JOIN quarantine q ON q.generation_id = ?1 AND q.text_id = texts.id",
            (generation_id,),
        ).fetchone()
        return Completeness(texts, texts - vectors, quarantined)

    def unsound_chunks(self, generation_id: int) -> list[MarkedChunk]:
        """Return the chunks whose vectors were unsound, with the reason, in order of path."""
        return generations.unsound_chunks(self._db, generation_id)

    def cut_chunks(self, generation_id: int) -> list[MarkedChunk]:
        """Return the chunks of which the model of a generation took only the beginning, in order of path."""
        return generations.cut_chunks(self._db, generation_id)

    def roots(self) -> list[Root]:
        """Return all roots in order of path."""
        rows = self._db.execute("SELECT id, path, added_at, scanned_at, pending, sessions FROM roots ORDER BY path")
        return [root_of(row) for row in rows]

    def freshness(self, roots: Sequence[int] | None) -> Freshness:
        """Return the age and the arrears of some roots, None for all."""
        row = self._db.execute(
            "SELECT iif(count(*) = count(scanned_at), min(scanned_at), NULL), total(pending),"
            " EXISTS (SELECT 1 FROM roots WHERE sessions IS NOT NULL)"
            " FROM roots WHERE ?1 IS NULL OR id IN (SELECT value FROM json_each(?1))",
            (None if roots is None else json.dumps(list(roots)),),
        ).fetchone()
        return Freshness(row[0], int(row[1]), bool(row[2]))

    def documents_in(self, scope: Scope) -> NDArray[np.int64]:
        """Return the ids of the documents in `scope`, ascending."""
        where, values = condition(scope)
        turns, of_turns = chunk_condition(scope, "chunks.turn_id")
        if of_turns:
            where += f" AND EXISTS (SELECT 1 FROM chunks WHERE document_id = documents.id AND {turns})"
            values += of_turns
        fits = fitting(scope)
        if fits is None:
            rows = self._db.execute(f"SELECT id FROM documents WHERE {where} ORDER BY id", values)
            return np.fromiter((row[0] for row in rows), dtype=np.int64)
        rows = self._db.execute(
            "SELECT id, path, coalesce(folder, '') FROM documents LEFT JOIN sessions ON document_id = documents.id"
            f" WHERE {where} ORDER BY id",
            values,
        )
        return np.fromiter((row[0] for row in rows if fits(row[1], row[2])), dtype=np.int64)

    def texts_in(self, scope: Scope) -> NDArray[np.int64]:
        """Return the ids of the texts in `scope`, ascending."""
        turns, of_turns = chunk_condition(scope, "chunks.turn_id")
        if fitting(scope) is None:
            where, values = condition(scope)
            rows = self._db.execute(
                "SELECT text_id FROM documents CROSS JOIN chunks ON document_id = documents.id"
                f" WHERE {where} AND {turns}",
                values + of_turns,
            ).fetchall()
        else:
            documents = json.dumps(self.documents_in(scope).tolist())
            rows = self._db.execute(
                f"SELECT text_id FROM json_each(?) CROSS JOIN chunks ON document_id = value WHERE {turns}",
                (documents, *of_turns),
            ).fetchall()
        return np.unique(np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)))

    def chunk_rows(self, chunk_ids: Sequence[int]) -> dict[int, ChunkRow]:
        """Return the chunks that are there; raises `DamagedError` for a text that does not fit its hash."""
        rows = self._db.execute(
            "SELECT t.hash, c.id, c.text_id, d.id, r.path, d.path, d.source, d.language, c.start_line, c.end_line,"
            " c.symbol, c.kind, t.text, c.turn_id FROM json_each(?) CROSS JOIN chunks c ON c.id = value"
            " JOIN documents d ON d.id = c.document_id JOIN roots r ON r.id = d.root_id"
            " JOIN texts t ON t.id = c.text_id",
            (json.dumps(list(chunk_ids)),),
        )
        found = {row[1]: (row[0], ChunkRow(*row[1:])) for row in rows}
        for digest, chunk in found.values():
            if text_hash(chunk.text) != digest:
                raise DamagedError(
                    f"text {chunk.text_id} does not fit its checksum: the database is damaged",
                    "run `instar verify`, then restore a backup or index again into another folder",
                )
        return {chunk_id: chunk for chunk_id, (_, chunk) in found.items()}

    def chunk_traits(self, chunk_ids: Sequence[int]) -> dict[int, ChunkTraits]:
        """Return what is known of the chunks that are there without their texts."""
        rows = self._db.execute(
            "SELECT c.id, coalesce(-c.turn_id, d.id),"
            f" iif(d.source = '{SourceKind.SESSIONS}', '', d.path), d.source, c.symbol, c.kind"
            " FROM json_each(?) CROSS JOIN chunks c ON c.id = value CROSS JOIN documents d ON d.id = c.document_id",
            (json.dumps(list(chunk_ids)),),
        )
        return {row[0]: ChunkTraits(*row) for row in rows}

    def chunks_of_texts(self, text_ids: Sequence[int], scope: Scope) -> dict[int, int]:
        """Return one chunk in `scope` for each text that has any: the first by id."""
        ids = json.dumps(list(text_ids))
        if scope == Scope():  # by the index alone, for this is asked with every question
            rows = self._db.execute(
                "SELECT value, (SELECT min(id) FROM chunks WHERE text_id = value) AS first FROM json_each(?)"
                " WHERE first NOT NULL",
                (ids,),
            )
            return dict(rows.fetchall())
        where, values = condition(scope)
        turns, of_turns = chunk_condition(scope, "c.turn_id")
        rows = self._db.execute(
            "SELECT c.text_id, c.id, documents.path, coalesce(folder, '')"
            " FROM json_each(?) CROSS JOIN chunks c ON c.text_id = value"
            " JOIN documents ON documents.id = c.document_id"
            " LEFT JOIN sessions ON sessions.document_id = documents.id"
            f" WHERE {where} AND {turns} ORDER BY c.id DESC",
            (ids, *values, *of_turns),
        )
        fits = fitting(scope)
        return {text_id: chunk_id for text_id, chunk_id, *of_document in rows if fits is None or fits(*of_document)}

    def vectors_after(self, generation_id: int, sequence: int) -> StoredVectors:
        """Return the vectors stored after `sequence`, ascending text ids."""
        generation = next(g for g in self.generations() if g.id == generation_id)
        rows = self._db.execute(
            "SELECT text_id, data, sequence, checksum FROM vectors WHERE generation_id = ? AND sequence > ?"
            " ORDER BY text_id",
            (generation_id, sequence),
        ).fetchall()
        return vector_rows.stored_vectors(rows, generation.model, generation.storage, sequence)

    def texts(self, limit: int) -> list[str]:
        """Return up to `limit` texts, spread evenly over all."""
        rows = self._db.execute(
            "SELECT text FROM texts WHERE id IN (SELECT id FROM"
            " (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS total FROM texts)"
            " WHERE n * :limit / total > (n - 1) * :limit / total) ORDER BY id",
            {"limit": limit},
        )
        return [row[0] for row in rows]

    def turn_rows(self, turn_ids: Sequence[int]) -> dict[int, TurnRow]:
        """Return the turns that are there, by id."""
        found = recall.turns(self._db, turn_ids)
        prompts = recall.prompts(self._db, found)
        texts = self.chunk_rows(list(prompts.values()))
        return {
            i: TurnRow(turn, texts[prompts[i]].text if i in prompts else "", recall.files(self._db, i, turn.role))
            for i, turn in found.items()
        }

    def related_sessions(self, paths: Sequence[str], limit: int) -> dict[str, tuple[RelatedSession, ...]]:
        """Return for each of these absolute paths up to `limit` turns that touched it; without those nobody touched."""
        return recall.related(self._db, paths, limit)

    def sessions_named(self, beginning: str) -> list[tuple[str, int]]:
        """Return (id of a session, id of a root it belongs to) of those whose ids begin so, in order."""
        return recall.named(self._db, beginning)

    def session_counts(self, root_id: int) -> SessionCounts:
        """Count what is stored of the sessions of a root."""
        return recall.counts(self._db, root_id)

    def skipped(self, root_id: int) -> dict[str, int]:
        """Return how many files of a root were skipped at its last scan, by reason."""
        return dict(self._db.execute("SELECT reason, files FROM skipped WHERE root_id = ?", (root_id,)).fetchall())

    def counts(self, root_id: int) -> tuple[int, int]:
        """Return the documents and chunks of a root."""
        row = self._db.execute(
            "SELECT count(DISTINCT documents.id), count(chunks.id) FROM documents"
            " LEFT JOIN chunks ON document_id = documents.id WHERE root_id = ? AND documents.skipped = ''",
            (root_id,),
        ).fetchone()
        return row[0], row[1]
