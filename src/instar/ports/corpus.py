"""The corpus, the one truth: read by snapshots, changed by a writer."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from instar.domain.corpus import Document, DocumentState, LexicalRow, Root, SessionChoice, Touched
from instar.domain.generations import Completeness, Generation, Pointer, QuerySide
from instar.domain.migrations import Cutover, Figure, Lease, Migration, Side, State, Step, Wanted
from instar.domain.models import ModelSpec, StorageFormat
from instar.domain.search import RelatedSession, Scope
from instar.domain.sessions import Resume
from instar.domain.stored import (
    ChunkRow,
    ChunkTraits,
    DatabaseCheck,
    Freshness,
    Position,
    StoredVectors,
    TurnRow,
)
from instar.ports.arrays import Ids, Matrix, Vector
from instar.ports.progress import Progress


class CorpusSnapshot(Protocol):
    """One unchanging view of the store."""

    @property
    def version(self) -> Position:
        """What the view holds: equal positions have equal content."""
        ...

    @property
    def vector_position(self) -> Position:
        """The last vector the view holds, of any generation."""
        ...

    def unembedded(self, generation_id: int, roots: Sequence[int] | None) -> int:
        """The number of documents of these roots (None for all) with a text a generation has not reached (quick)."""
        ...

    def pointer(self) -> Pointer | None:
        """The active pointer; the model of its generation has the query prompt that belongs to it."""
        ...

    def active_generation(self) -> Generation | None:
        """The generation of the pointer."""
        ...

    def migrations(self) -> list[Migration]:
        """All migrations, oldest first."""
        ...

    def steps(self, migration_id: int) -> list[Step]:
        """What happened to a migration, in order."""
        ...

    def noted_wanted(self) -> Wanted | None:
        """What the settings wanted when that was acted on last; None before the first time."""
        ...

    def lease(self) -> Lease | None:
        """The lease as it was written last, whether or not it has expired."""
        ...

    def backlog(self, generation_id: int, limit: int) -> list[tuple[int, str]]:
        """Up to `limit` (text id, text) that have neither a vector nor a place in quarantine, ascending ids."""
        ...

    def canaries(self, generation_id: int) -> Mapping[str, Vector]:
        """The vectors by which the model of a generation is known again, by text; none before `put_canaries`.

        Raises `DamagedError` for one that does not fit its checksum.
        """
        ...

    def backlog_size(self, generation_id: int) -> int:
        """About how many texts `backlog` has in all; quick, for progress."""
        ...

    def generations(self) -> list[Generation]:
        """All generations, oldest first."""
        ...

    def completeness(self, generation_id: int) -> Completeness:
        """Compare the live texts with the vectors of a generation, by set."""
        ...

    def roots(self) -> list[Root]:
        """All roots in order of path."""
        ...

    def freshness(self, roots: Sequence[int] | None) -> Freshness:
        """How old and how complete these roots are (None for all)."""
        ...

    def documents_in(self, scope: Scope) -> Ids:
        """Ids of the documents in `scope`, ascending."""
        ...

    def texts_in(self, scope: Scope) -> Ids:
        """Ids of the texts that occur in `scope`, ascending."""
        ...

    def chunk_rows(self, chunk_ids: Sequence[int]) -> dict[int, ChunkRow]:
        """The chunks that are there, by id."""
        ...

    def chunk_traits(self, chunk_ids: Sequence[int]) -> dict[int, ChunkTraits]:
        """What is known of the chunks that are there without their texts, by id."""
        ...

    def chunks_of_texts(self, text_ids: Sequence[int], scope: Scope) -> dict[int, int]:
        """For each text that occurs in `scope`, the id of one chunk that holds it."""
        ...

    def texts(self, limit: int) -> Sequence[str]:
        """Up to `limit` texts, spread evenly over all in the order in which they came."""
        ...

    def turn_rows(self, turn_ids: Sequence[int]) -> dict[int, TurnRow]:
        """The turns that are there, by id."""
        ...

    def related_sessions(self, paths: Sequence[str], limit: int) -> dict[str, tuple[RelatedSession, ...]]:
        """For each of these absolute paths that was touched up to `limit` turns; see `instar.domain.search.Hit`."""
        ...

    def vectors_after(self, generation_id: int, sequence: int) -> StoredVectors:
        """Vectors stored after `sequence`, ascending text ids."""
        ...


class Store(Protocol):
    """The corpus: the one truth. Writing needs the writer's lock (`writing`)."""

    def snapshot(self) -> AbstractContextManager[CorpusSnapshot]:
        """Open one unchanging view."""
        ...

    def writing(self, wait_seconds: float = 0.0) -> "AbstractContextManager[CorpusWriter]":
        """Take the writer's lock. Raises `BusyError` where another process keeps it longer than `wait_seconds`."""
        ...

    def backup(self, file: Path, progress: Progress) -> None:
        """Copy the corpus as it is now to a new file, while others read and write.

        Raises `UsageError` where the file is there already or cannot be made, `DamagedError` where the corpus is
        damaged.
        """
        ...

    def restore(self, file: Path, progress: Progress, wait_seconds: float = 0.0) -> None:
        """Put what `backup` made in place of the corpus, under a new identity; no lease of it is held.

        A kill leaves the former corpus or the restored one. Raises `UsageError` where the file cannot be read,
        `SchemaError` where it is another program's or a newer Instar's, `DamagedError` where it is damaged, and what
        `writing` raises.
        """
        ...


class CorpusWriter(Protocol):
    """Changes to the corpus; each method is one transaction, durable when it returns."""

    def view(self) -> CorpusSnapshot:
        """Read what has been written, by this writer too."""
        ...

    def add_root(self, path: str) -> Root:
        """Add a root, or return the one of this path."""
        ...

    def forget_root(self, root_id: int) -> None:
        """Delete a root with everything stored of it."""
        ...

    def choose_sessions(self, root_id: int, choice: SessionChoice) -> None:
        """Note whose transcripts belong to a root, in place of what was chosen before."""
        ...

    def forget_sessions(self, root_id: int) -> None:
        """Take the choice back and delete what is stored of the sessions of a root."""
        ...

    def resume_of(self, document_id: int) -> Resume | None:
        """Where reading a transcript goes on, None where nothing is stored of it."""
        ...

    def document_states(self, root_id: int) -> dict[str, DocumentState]:
        """What is stored of a root, by path."""
        ...

    def write_documents(self, root_id: int, documents: Sequence[Document], touched: Sequence[Touched]) -> None:
        """Add or replace documents, and note new time stamps."""
        ...

    def delete_documents(self, document_ids: Sequence[int]) -> None:
        """Delete documents that are gone."""
        ...

    def finish_scan(self, root_id: int, *, complete: bool, pending: int, skipped: dict[str, int]) -> None:
        """Note the outcome of a scan and drop the texts no chunk holds any more."""
        ...

    def create_generation(self, model: ModelSpec, storage: StorageFormat) -> Generation:
        """Return the generation of this fingerprint, made if it is not there, under the reference it has now."""
        ...

    def activate(self, generation_id: int, query: QuerySide) -> None:
        """Write the active pointer."""
        ...

    @property
    def migrations(self) -> "MigrationWriter":
        """What is written of migrations."""
        ...

    def drop_generation(self, generation_id: int) -> None:
        """Delete a generation with everything stored of it, and give the room back to the disk."""
        ...

    def forget_hints(self) -> None:
        """Look for missing vectors among all texts again, not only among the latest."""
        ...

    def note_filled(self, generation_id: int) -> None:
        """Note that the backlog is empty: the next one begins behind the last text there is now."""
        ...

    def put_vectors(
        self,
        generation_id: int,
        text_ids: Sequence[int],
        vectors: Matrix,
        quarantined: Mapping[int, str],
        cut: Collection[int] = (),
    ) -> None:
        """Answer a whole backlog: vectors to store in the generation's format, and texts given up, with the reason.

        `cut` are those of `text_ids` of which the model took only the beginning. Texts that are gone, or that have
        been answered, since the backlog was read are passed over.
        """
        ...

    def release_quarantined(self, generation_id: int) -> None:
        """Put the texts that were given up back into the backlog."""
        ...

    def put_canaries(self, generation_id: int, vectors: Mapping[str, Vector]) -> None:
        """Store them, as float32."""
        ...

    def drop_bad_canaries(self, generation_id: int) -> None:
        """Delete those that do not fit their checksums."""
        ...

    def note_proved(self, generation_id: int) -> None:
        """Note that the model was known again, so that the vectors stored up to now are its own."""
        ...

    def note_changed(self, generation_id: int, found: str) -> None:
        """Note, in words, that the model is another one; holds until `note_proved` or `empty_generation`."""
        ...

    def drop_unproved(self, generation_id: int) -> None:
        """Delete the vectors stored since `note_proved`, by this run or a former one, and the quarantine."""
        ...

    def empty_generation(self, generation_id: int) -> None:
        """Delete everything stored of a generation, so that it is made anew."""
        ...

    def renew_identity(self) -> None:
        """Make the corpus another one for everything that follows it, so that all of that is made anew."""
        ...

    def log_position(self) -> Position:
        """The end of the change log."""
        ...

    def changed_documents(self, after: int) -> tuple[dict[int, int], Position] | None:
        """Documents changed after a log sequence, each with the first chunk that is another (0: all of them).

        None where the log no longer reaches back so far.
        """
        ...

    def lexical_rows(self, documents: Mapping[int, int] | None) -> Iterator[LexicalRow]:
        """The chunks of these documents (None for all) from the given ones on, as the lexical index holds them."""
        ...

    def vector_position(self, generation_id: int) -> tuple[Position, int]:
        """The last vector stored for a generation, and the number of all."""
        ...

    def vectors_stored_after(self, generation_id: int, sequence: int) -> int:
        """The number of vectors stored after `sequence`."""
        ...

    def vector_batches(self, generation_id: int) -> Iterator[StoredVectors]:
        """All vectors of a generation, ascending text ids."""
        ...

    def check(self) -> DatabaseCheck:
        """Check the whole database."""
        ...

    def drop_vectors(self, text_ids: Sequence[int]) -> None:
        """Delete the vectors of these texts in all generations, so that they are embedded again."""
        ...

    def prune_log(self, before: int) -> None:
        """Forget changes that every follower has read."""
        ...


class MigrationWriter(Protocol):
    """What is written of migrations; each method is one transaction."""

    def start(
        self, former: Side, target: Side, *, made: bool, cutover: Cutover, throttle: str, actor: str, cause: str
    ) -> int:
        """Write a migration, planned; returns its id. Raises `MigrationError` where another one is open."""
        ...

    def advance(
        self, migration_id: int, state: State, actor: str, cause: str, figures: Mapping[str, Figure] | None = None
    ) -> None:
        """Write the next step. Raises `MigrationError` where it is not legal after the state the migration has."""
        ...

    def switch(
        self, migration_id: int, state: State, side: Side, actor: str, cause: str, figures: Mapping[str, Figure]
    ) -> None:
        """Write the pointer and the step that says so, at once. Raises `MigrationError` as `advance` does."""
        ...

    def note_wanted(self, wanted: Wanted) -> None:
        """Note what the settings want, once that was acted on."""
        ...

    def take_lease(self, holder: str, seconds: float, gone: Callable[[str], bool]) -> Lease | None:
        """Take the lease; None where another holder's has not expired, unless it is known to be `gone`."""
        ...

    def renew_lease(self, held: Lease, seconds: float) -> None:
        """Let the lease last for so long from now, 0 to give it back.

        Raises `LeaseLostError` where another process has taken it meanwhile. What is written after this under the same
        writer's lock is written by the holder.
        """
        ...
