"""Bringing the corpus and its followers up to date."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from instar.domain.corpus import Document, DocumentState, Root, SourceKind, Touched
from instar.domain.sources import UNREADABLE, VANISHED, Content, FileState, Skipped
from instar.errors import (
    RootMissingError,
)
from instar.indexing.clock import Deadline
from instar.indexing.filler import first_generation
from instar.indexing.followers import follow_lexically, part_from_later
from instar.indexing.parts import WRITTEN_AT_ONCE, Indexing, RootReport
from instar.indexing.reading import READER_VERSION, read_document, remember_skipped
from instar.indexing.scanning import Difference, compare, settled
from instar.indexing.session_folders import SessionFolders
from instar.ports import CorpusWriter, Progress, Source, VectorIndex

LEXICAL_FIRST = 20_000
"""Chunks after which a long run commits to the lexical index too, so that others can search them (after 10 s or so);
the interval doubles each time, for each commit leaves a segment that every search has to visit."""
SESSIONS_SHARE = 0.75
"""Of the time a search has for reading what changed: sessions come first, and 10,000 of them take 0.1 s to list, but
files must have their turn."""


class Indexer:
    """One run under the writer's lock: read what changed, then let the followers catch up."""

    def __init__(self, writer: CorpusWriter, parts: Indexing, progress: Progress, deadline: Deadline) -> None:
        self._writer = writer
        self._parts = parts
        self._progress = progress
        self._deadline = deadline
        self._since_lexical = 0
        self._lexical_due = LEXICAL_FIRST

    # Texts

    def read(self, roots: Sequence[Root], *, reread: bool = False) -> list[RootReport]:
        """Read what changed, so that it can be found by words; `reread` reads what did not change too."""
        first_generation(self._writer, self._parts)
        part_from_later(self._writer, self._parts.lexical, self._packs())
        reports = [self._index_root(root, reread=reread) for root in roots]
        follow_lexically(self._writer, self._parts.lexical)
        return reports

    def _packs(self) -> Iterator[VectorIndex]:
        return map(self._parts.vectors_of, self._writer.view().generations())

    # One root

    def _index_root(self, root: Root, *, reread: bool) -> RootReport:
        report = RootReport(root.path, pending=root.pending)
        if self._deadline.passed():
            report.unseen = True
            return report
        stored = self._writer.document_states(root.id)
        if reread:
            stored = {path: replace(state, reader_version="", content_hash=b"") for path, state in stored.items()}
        known = {path: state for path, state in stored.items() if state.source is not SourceKind.SESSIONS}
        sessions = {path: state for path, state in stored.items() if path not in known}
        report.pending = 0
        # Before the files, of which there may be so many that no time is left.
        seen = self._session_folders(root, report).follow(root, sessions, report)
        try:
            seen &= self._follow_files(root, known, report)
        except RootMissingError:
            report.missing = True
            return report
        report.unseen = not seen
        if not seen:  # then what was seen to be changed is only a part of it
            report.pending = max(report.pending, root.pending - report.read - report.transcripts)
        complete = seen and not report.pending
        self._writer.finish_scan(root.id, complete=complete, pending=report.pending, skipped=report.skipped)
        return report

    def _follow_files(self, root: Root, known: dict[str, DocumentState], report: RootReport) -> bool:
        """Read what is new among the files of a root and delete what is gone; returns whether all of them were seen."""
        source = self._parts.source_of(root, self._writer.view().roots())
        found = compare(source, known, self._deadline)
        pending = self._read_changed(root, source, found, known, report)
        report.pending += pending
        # While something is unread, what is gone may be what was renamed: it goes on answering, and keeps its vectors.
        if found.complete and not pending:
            self._writer.delete_documents(found.gone)
            report.removed += len(found.gone)
        report.count_skipped(found.skipped)
        return found.complete

    def _session_folders(self, root: Root, report: RootReport) -> SessionFolders:
        def write(documents: Sequence[Document]) -> None:
            self._write(root, _Batch.of(documents), report)

        return SessionFolders(self._writer, self._parts, self._progress, self._deadline.share(SESSIONS_SHARE), write)

    def _read_changed(
        self,
        root: Root,
        source: Source,
        found: Difference,
        known: dict[str, DocumentState],
        report: RootReport,
    ) -> int:
        """Read the files that changed until the time is over; returns how many are left."""
        batch = _Batch()
        pending = 0
        for done, state in enumerate(found.changed):
            if self._deadline.passed():
                pending = len(found.changed) - done
                break
            read_at = time.time_ns()
            content = source.read(state.path)
            if isinstance(content, Content):
                batch.add(settled(state, read_at), content, known.get(state.path))
            else:
                found.skipped[content.reason] += 1
                batch.add_skipped(settled(state, read_at), content)
            if batch.chunks >= WRITTEN_AT_ONCE:
                self._write(root, batch, report)
                batch = _Batch()
                self._progress.step("reading", done + 1, len(found.changed))
        self._write(root, batch, report)
        if found.changed:
            self._progress.step("reading", len(found.changed) - pending, len(found.changed))
        return pending

    def _write(self, root: Root, batch: "_Batch", report: RootReport) -> None:
        self._writer.write_documents(root.id, batch.documents, batch.touched)
        report.read += sum(not (document.skipped or document.transcript) for document in batch.documents)
        report.chunks += batch.chunks
        self._since_lexical += batch.chunks
        if self._since_lexical >= self._lexical_due:
            follow_lexically(self._writer, self._parts.lexical)
            self._since_lexical = 0
            self._lexical_due *= 2


class _Batch:
    """Documents and new time stamps to be written in one transaction."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.touched: list[Touched] = []
        self.chunks = 0

    @classmethod
    def of(cls, documents: Sequence[Document]) -> "_Batch":
        """Return a batch of these documents."""
        batch = cls()
        batch.documents += documents
        batch.chunks = sum(len(document.chunks) for document in documents)
        return batch

    def add(self, state: FileState, content: Content, known: DocumentState | None) -> None:
        """Take a file that was read; one with the content it had is only noted."""
        same = known is not None and (known.content_hash, known.reader_version) == (
            content.content_hash,
            READER_VERSION,
        )
        if known is not None and same:
            self.touched.append(Touched(known.id, state.size, state.mtime_ns))
            return
        document = read_document(state, content)
        self.documents.append(document)
        self.chunks += len(document.chunks)

    def add_skipped(self, state: FileState, skipped: Skipped) -> None:
        """Take a file that turned out to have no text; what was known of one that cannot be read now is kept."""
        if skipped.reason not in (UNREADABLE, VANISHED):
            self.documents.append(remember_skipped(state, skipped))
