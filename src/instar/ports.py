"""What the core needs from the outside, in domain types. Each protocol has its adapters and one contract suite."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from instar.domain.corpus import Document, DocumentState, LexicalRow, Root, SessionChoice, Touched
from instar.domain.generations import Completeness, Generation
from instar.domain.models import EncoderFacts, ModelSpec, StorageFormat
from instar.domain.search import RelatedSession, Scope
from instar.domain.sessions import Resume
from instar.domain.sources import Content, FileState, Skipped
from instar.domain.stored import (
    ChunkRow,
    ChunkTraits,
    DatabaseCheck,
    Freshness,
    Position,
    StoredVectors,
    TurnRow,
)

Vector = NDArray[np.float32]
"""Shape (d,)."""
Matrix = NDArray[np.float32]
"""Shape (n, d), a row for a text."""
Ids = NDArray[np.int64]
"""Shape (n,)."""


class Source(Protocol):
    """One root as it is on disk now."""

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every file in order of path. Raises `RootMissingError` where the root is not there."""
        ...

    def read(self, path: str) -> Content | Skipped:
        """Return the content of one file, or why it has none."""
        ...


class SessionSource(Protocol):
    """A folder with transcripts of sessions as it is on disk now; paths are absolute."""

    def scan(self) -> Iterator[FileState | Skipped]:
        """Yield every transcript, the last by path first. Raises `RootMissingError` where the folder is not there."""
        ...

    def open(self, path: str) -> "AbstractContextManager[OpenTranscript | Skipped]":
        """Open a transcript, or say why it cannot be."""
        ...


class OpenTranscript(Protocol):
    """One transcript while it is read."""

    def lines(self, offset: int) -> Iterator[bytes]:
        """Yield the lines from `offset` (bytes) on, read one by one, each with its line feed. Raises `OSError`.

        One longer than `LONGEST_LINE` comes in pieces of a byte more, so that it is never held whole.
        """
        ...

    def before(self, offset: int) -> bytes:
        """Return the hash of the last bytes before `offset`, b"" where the transcript is shorter. Raises `OSError`."""
        ...


class Embedded(NamedTuple):
    """Vectors of texts, in order, and the places of those of which the model took only the beginning, ascending."""

    vectors: Matrix
    cut: tuple[int, ...] = ()


class Encoder(Protocol):
    """A model as its library or server gives it: no prompts, nothing normalised, nothing checked.

    Loading, asking and closing raise `ModelMissingError` where the model or its library is not there,
    `ModelAwayError` where its server does not answer now, `ModelUnsoundError` where its answer cannot be read.
    """

    @property
    def facts(self) -> EncoderFacts:
        """What identifies the model; found without loading the weights."""
        ...

    @property
    def batch(self) -> int:
        """Texts to hand over at once: 1 where a text's vector would depend on its neighbours."""
        ...

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text, asked for alone, among others, or once more."""
        ...

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return what the model gives for up to `batch` texts, (n, d)."""
        ...

    def close(self) -> None:
        """Free what the model holds; the next call loads it again."""
        ...


@runtime_checkable
class Verifiable(Protocol):
    """An encoder whose files have checksums."""

    def verify(self) -> None:
        """Compare them, which reads the files whole. Raises `ModelMissingError` for one that does not fit."""
        ...


class Embedder(Protocol):
    """A model that turns texts into vectors that can be stored and compared."""

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model and how it is asked."""
        ...

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text; see `Encoder.agreement`."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return one unit vector a text, in order, and which texts were too long."""
        ...

    def embed_query(self, text: str) -> Vector:
        """Return the unit vector of a question (zero where the text holds no known token)."""
        ...

    def familiarity(self, text: str) -> float:
        """The share of a question's words that the model knows whole, 1.0 where that cannot be told."""
        ...


class KeptVector(NamedTuple):
    """A vector as a model gave it, and whether it stands for the beginning of its text only."""

    vector: Vector
    cut: bool


class VectorCache(Protocol):
    """Vectors of texts that were embedded before, by hash. It may lose any of them at any time, and never raises."""

    def find(self, model: str, texts: Sequence[bytes]) -> dict[bytes, KeptVector]:
        """Return what is kept of these hashes (32 bytes each) for a model (its document side), exactly as it was."""
        ...

    def keep(self, model: str, vectors: Mapping[bytes, KeptVector]) -> None:
        """Keep vectors by the hash of their text, and let the longest unused ones go where there is no room."""
        ...

    def forget(self, model: str, texts: Sequence[bytes] | None = None) -> None:
        """Drop the vectors of a model, of these hashes or of all."""
        ...

    def clear(self) -> None:
        """Drop everything."""
        ...


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

    def active_generation(self) -> Generation | None:
        """The generation the active pointer names."""
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

    def activate(self, generation_id: int) -> None:
        """Write the active pointer."""
        ...

    def backlog(self, generation_id: int, limit: int) -> list[tuple[int, str]]:
        """Up to `limit` (text id, text) that have neither a vector nor a place in quarantine, ascending ids."""
        ...

    def forget_hints(self) -> None:
        """Look for missing vectors among all texts again, not only among the latest."""
        ...

    def note_filled(self, generation_id: int) -> None:
        """Note that the backlog is empty: the next one begins behind the last text there is now."""
        ...

    def backlog_size(self, generation_id: int) -> int:
        """About how many texts `backlog` has in all; quick, for progress."""
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

        `cut` are those of `text_ids` of which the model took only the beginning.
        """
        ...

    def release_quarantined(self, generation_id: int) -> None:
        """Put the texts that were given up back into the backlog."""
        ...

    def canaries(self, generation_id: int) -> Mapping[str, Vector]:
        """The vectors by which the model of a generation is known again, by text; none before `put_canaries`.

        Raises `DamagedError` for one that does not fit its checksum.
        """
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

    def drop_unproved(self, generation_id: int) -> int:
        """Delete the vectors stored since `note_proved`, by this run or a former one, and the quarantine.

        Returns how many vectors that were.
        """
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


class Progress(Protocol):
    """Is told how far a long piece of work has come."""

    def step(self, phase: str, done: int, total: int | None) -> None:
        """`done` of `total` (None while unknown) in `phase`."""
        ...


class SilentProgress:
    """A progress nobody watches."""

    def step(self, phase: str, done: int, total: int | None) -> None:
        """Do nothing."""
