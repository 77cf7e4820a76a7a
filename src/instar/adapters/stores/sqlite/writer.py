"""Changes to the corpus, each one transaction."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from instar.adapters.stores.sqlite import changes, generations, migrations, vector_rows
from instar.adapters.stores.sqlite.connection import READ_BATCH
from instar.adapters.stores.sqlite.documents import (
    document_states,
    drop_chunks,
    drop_orphans,
    resume_of,
    write_document,
)
from instar.adapters.stores.sqlite.migrations import MigrationWriter
from instar.adapters.stores.sqlite.records import GENERATION, generation_of, root_of
from instar.adapters.stores.sqlite.snapshot import SqliteSnapshot
from instar.adapters.stores.sqlite.verify import check_database
from instar.domain.corpus import Document, DocumentState, LexicalRow, Root, SessionChoice, SourceKind, Touched
from instar.domain.generations import Generation, QuerySide
from instar.domain.models import ModelSpec, StorageFormat, document_fingerprint
from instar.domain.sessions import Resume
from instar.domain.stored import DatabaseCheck, Position, StoredVectors
from instar.errors import BusyError

DELETE_BATCH = 500
"""Documents deleted in one transaction: bounds how far the log grows and how long others wait."""
LOG_ATTEMPTS = 6
"""Of 5 s each (the busy timeout): a view lasts for one search, but eight busy readers on two cores took 5 s once."""
FREE_PAGES_KEPT = 2_560
"""Free pages (10 MB) kept for the next write; more is given back to the disk."""


class SqliteWriter:
    """Writes under the writer's lock; see `instar.ports.CorpusWriter`."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._db = connection
        self._clock = clock

    def checkpoint(self) -> None:
        """Move what no reader needs from the log to the database file."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def view(self) -> SqliteSnapshot:
        """Read what has been written."""
        return SqliteSnapshot(self._db)

    # Roots and documents

    def add_root(self, path: str) -> Root:
        """Add a root, or return the one of this path."""
        found = next((root for root in self.view().roots() if root.path == path), None)
        if found is None:
            with self._transaction():
                row = self._db.execute(
                    "INSERT INTO roots (path, added_at) VALUES (?, ?)"
                    " RETURNING id, path, added_at, scanned_at, pending, sessions",
                    (path, self._clock()),
                ).fetchone()
            found = root_of(row)
        return found

    def forget_root(self, root_id: int) -> None:
        """Delete what is stored of a root, last the root: a kill leaves one that can be forgotten again.

        Deleted rows stay in the file until they are overwritten, former versions of them too. Only `VACUUM`, which
        writes the file anew (about 6 s for 1 GB, and as much room again), leaves no trace of them.
        """
        rows = self._db.execute("SELECT id FROM documents WHERE root_id = ?", (root_id,)).fetchall()
        self._erase([row[0] for row in rows])
        with self._transaction():
            self._db.execute("DELETE FROM roots WHERE id = ?", (root_id,))

    def _erase(self, document_ids: Sequence[int]) -> None:
        self._db.execute("PRAGMA secure_delete = ON")  # for the row of a root, deleted after the VACUUM
        self.delete_documents(document_ids)
        self._drop_orphans()
        self._db.execute("VACUUM")
        if not self._log_emptied():  # it holds former pages too
            raise BusyError("another process is still reading what is to be forgotten", "try again in a moment")

    def choose_sessions(self, root_id: int, choice: SessionChoice) -> None:
        """Note whose transcripts belong to a root, in place of what was chosen before."""
        with self._transaction():
            self._db.execute("UPDATE roots SET sessions = ? WHERE id = ?", (json.dumps(asdict(choice)), root_id))

    def forget_sessions(self, root_id: int) -> None:
        """Delete what is stored of the sessions of a root without a trace, then take the choice back."""
        rows = self._db.execute(
            "SELECT id FROM documents WHERE root_id = ? AND source = ?", (root_id, SourceKind.SESSIONS)
        ).fetchall()
        self._erase([row[0] for row in rows])
        with self._transaction():
            self._db.execute("UPDATE roots SET sessions = NULL WHERE id = ?", (root_id,))

    def _log_emptied(self) -> bool:
        """Move everything from the log to the database file; False where a reader kept needing the log."""
        attempts = (self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() for _ in range(LOG_ATTEMPTS))
        return any(not busy for busy, _, _ in attempts)

    def document_states(self, root_id: int) -> dict[str, DocumentState]:
        """Return what is stored of a root, by path."""
        return document_states(self._db, root_id)

    def resume_of(self, document_id: int) -> Resume | None:
        """Return where reading a transcript goes on, None where nothing is stored of it."""
        return resume_of(self._db, document_id)

    def write_documents(self, root_id: int, documents: Sequence[Document], touched: Sequence[Touched]) -> None:
        """Add or replace documents, and note new time stamps."""
        with self._transaction():
            for document in documents:
                write_document(self._db, root_id, document, self._clock())
            self._db.executemany(
                "UPDATE documents SET size = ?, mtime_ns = ? WHERE id = ?",
                [(item.size, item.mtime_ns, item.document_id) for item in touched],
            )

    def delete_documents(self, document_ids: Sequence[int]) -> None:
        """Delete documents, `DELETE_BATCH` in a transaction."""
        for start in range(0, len(document_ids), DELETE_BATCH):
            with self._transaction():
                for document_id in document_ids[start : start + DELETE_BATCH]:
                    drop_chunks(self._db, document_id)
                    self._db.execute("DELETE FROM documents WHERE id = ?", (document_id,))
                    self._db.execute("INSERT INTO changes (document_id) VALUES (?)", (document_id,))

    def finish_scan(self, root_id: int, *, complete: bool, pending: int, skipped: dict[str, int]) -> None:
        """Note the outcome of a scan; after a complete one, drop the texts no chunk holds any more."""
        with self._transaction():
            self._db.execute("UPDATE roots SET pending = ? WHERE id = ?", (pending, root_id))
            if complete:
                self._db.execute("UPDATE roots SET scanned_at = ? WHERE id = ?", (self._clock(), root_id))
                self._db.execute("DELETE FROM skipped WHERE root_id = ?", (root_id,))
                self._db.executemany(
                    "INSERT INTO skipped VALUES (?, ?, ?)",
                    [(root_id, reason, n) for reason, n in skipped.items()],
                )
        if complete:
            self._drop_orphans()

    def _drop_orphans(self) -> None:
        while rows := self._db.execute("SELECT text_id FROM orphans LIMIT ?", (READ_BATCH,)).fetchall():
            with self._transaction():
                drop_orphans(self._db, [text_id for (text_id,) in rows])
        self._give_back()

    def _give_back(self) -> None:
        free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        if free > FREE_PAGES_KEPT:
            self._db.execute(f"PRAGMA incremental_vacuum({free - FREE_PAGES_KEPT})").fetchall()

    # Generations

    def create_generation(self, model: ModelSpec, storage: StorageFormat) -> Generation:
        """Return the generation of this fingerprint, made if it is not there, under the name it is asked for by now."""
        fingerprint = document_fingerprint(model, storage)
        found = next((g for g in self.view().generations() if g.fingerprint == fingerprint), None)
        if found is None:
            with self._transaction():
                row = self._db.execute(
                    "INSERT INTO generations (fingerprint, model, storage, created_at) VALUES (?, ?, ?, ?)"
                    f" RETURNING {GENERATION}",
                    (fingerprint, json.dumps(asdict(model)), storage.value, self._clock()),
                ).fetchone()
            found = generation_of(row)
        elif found.model != model:  # in what decides no stored vector
            with self._transaction():
                self._db.execute("UPDATE generations SET model = ? WHERE id = ?", (json.dumps(asdict(model)), found.id))
            found = replace(found, model=model)
        return found

    def activate(self, generation_id: int, query: QuerySide) -> None:
        """Write the active pointer."""
        with self._transaction():
            migrations.point_at(self._db, generation_id, query, self._clock())

    @property
    def migrations(self) -> MigrationWriter:
        """What is written of migrations."""
        return MigrationWriter(self._db, self._transaction, self._clock)

    def drop_generation(self, generation_id: int) -> None:
        """Delete a generation with everything stored of it, and give the room back."""
        with self._transaction():
            generations.empty(self._db, generation_id)
            self._db.execute("DELETE FROM generations WHERE id = ?", (generation_id,))
        self._give_back()

    # Vectors

    def forget_hints(self) -> None:
        """Let each backlog begin with the first text again."""
        with self._transaction():
            self._db.execute("UPDATE generations SET filled_to = 0")

    def note_filled(self, generation_id: int) -> None:
        """Move the hint to the last text; nothing is written where it is there already."""
        if self.view().backlog_size(generation_id):
            with self._transaction():
                self._db.execute(
                    "UPDATE generations SET filled_to = (SELECT max(id) FROM texts) WHERE id = ?", (generation_id,)
                )

    def put_vectors(
        self,
        generation_id: int,
        text_ids: Sequence[int],
        vectors: NDArray[np.float32],
        quarantined: Mapping[int, str],
        cut: Collection[int] = (),
    ) -> None:
        """Answer a whole backlog, so that the hint can move to its end."""
        with self._transaction():
            vector_rows.put(self._db, generation_id, text_ids, vectors, quarantined, cut)

    def release_quarantined(self, generation_id: int) -> None:
        """Put the texts that were given up back into the backlog."""
        with self._transaction():
            generations.release_quarantined(self._db, generation_id)

    def put_canaries(self, generation_id: int, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store them."""
        with self._transaction():
            generations.put_canaries(self._db, generation_id, vectors)

    def drop_bad_canaries(self, generation_id: int) -> None:
        """Delete those that do not fit their checksums."""
        with self._transaction():
            generations.drop_bad_canaries(self._db, generation_id)

    def note_proved(self, generation_id: int) -> None:
        """Note that the model was known again; nothing is written where that was known of all vectors."""
        if generations.unproved(self._db, generation_id):
            with self._transaction():
                generations.note_proved(self._db, generation_id)

    def note_changed(self, generation_id: int, found: str) -> None:
        """Note that the model is another one now."""
        with self._transaction():
            generations.note_changed(self._db, generation_id, found)

    def drop_unproved(self, generation_id: int) -> None:
        """Delete the vectors stored since the model was last known again, and what was given up."""
        with self._transaction():
            generations.drop_unproved(self._db, generation_id)

    def empty_generation(self, generation_id: int) -> None:
        """Delete all vectors of a generation, its canaries with them."""
        with self._transaction():
            generations.empty(self._db, generation_id)

    # What followers read

    def renew_identity(self) -> None:
        """Write another random name for the corpus."""
        with self._transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'corpus'", (uuid.uuid4().hex,))

    def log_position(self) -> Position:
        """Return the end of the change log."""
        return self.view().version

    def changed_documents(self, after: int) -> tuple[dict[int, int], Position] | None:
        """Return the documents changed after a sequence, each with the first chunk that is another (0: all of them).

        None where the log does not reach back, or forward, to that sequence.
        """
        position = self.log_position()
        if not changes.log_start(self._db) <= after <= position.sequence:
            return None
        return changes.changed_documents(self._db, after), position

    def lexical_rows(self, documents: Mapping[int, int] | None) -> Iterator[LexicalRow]:
        """Return the chunks of these documents (None for all) from the given ones on, by document."""
        return changes.lexical_rows(self._db, documents)

    def vector_position(self, generation_id: int) -> tuple[Position, int]:
        """Return the last vector stored for a generation, and the number of all."""
        last, count = vector_rows.last_and_count(self._db, generation_id)
        return Position(self.log_position().corpus, last), count

    def vectors_stored_after(self, generation_id: int, sequence: int) -> int:
        """Return the number of vectors stored after `sequence`."""
        return vector_rows.stored_after(self._db, generation_id, sequence)

    def vector_batches(self, generation_id: int) -> Iterator[StoredVectors]:
        """Return all vectors of a generation, ascending text ids."""
        return vector_rows.batches(self._db, next(g for g in self.view().generations() if g.id == generation_id))

    def prune_log(self, before: int) -> None:
        """Forget the changes up to and including the sequence `before`; nothing is written where none is left."""
        if changes.log_start(self._db) < before:
            with self._transaction():
                changes.prune(self._db, before)

    # Checking

    def check(self) -> DatabaseCheck:
        """Check the whole database."""
        return check_database(self._db)

    def drop_vectors(self, text_ids: Sequence[int]) -> None:
        """Delete vectors of all generations, so that they are embedded again."""
        with self._transaction():
            vector_rows.drop(self._db, text_ids)
