"""Following the folders with the transcripts of a root."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from instar.domain.corpus import Document, DocumentState, Root
from instar.domain.sources import UNREADABLE, VANISHED, FileState, Skipped
from instar.errors import RootMissingError
from instar.indexing.clock import Deadline
from instar.indexing.parts import WRITTEN_AT_ONCE, Indexing, RootReport
from instar.indexing.scanning import compare, settled
from instar.indexing.sessions import SessionReader, unnamed
from instar.ports import CorpusWriter, Progress, SessionSource

READ_IN_PASSING = 8_000_000
"""Bytes of one transcript that a run with a deadline reads; more is left to one without. That takes some 0.3 s as
transcripts are, and would take 2.5 s if all were words of the user."""
LISTING_SHARE = 0.8
"""Of the time for a folder: reading what was appended to one transcript takes some 10 ms."""


class SessionFolders:
    """Brings the sessions of one root up to date: `write` stores documents in one transaction."""

    def __init__(
        self,
        writer: CorpusWriter,
        parts: Indexing,
        progress: Progress,
        deadline: Deadline,
        write: Callable[[Sequence[Document]], None],
    ) -> None:
        self._writer = writer
        self._parts = parts
        self._progress = progress
        self._deadline = deadline
        self._write = write
        self._unwritten: list[Document] = []
        self._unwritten_chunks = 0
        self._replaced: list[int] = []

    def follow(self, root: Root, known: dict[str, DocumentState], report: RootReport) -> bool:
        """Read what is new in each folder and delete what is gone; returns whether all of them were seen in full."""
        seen = True
        left = dict(known)
        folders = root.sessions.folders if root.sessions else ()
        held = {folder: [path for path in known if path.startswith(f"{folder}/")] for folder in folders}
        for number, folder in enumerate(folders):
            # By what there is to look at: one folder must not take the time of the others.
            expected = [1 + len(held[other]) for other in folders[number:]]
            deadline = self._deadline.share(expected[0] / sum(expected))
            inside = {path: left.pop(path) for path in held[folder]}
            try:
                seen &= self._follow_folder(root, folder, inside, deadline, report)
            except RootMissingError:
                if any(not state.skipped for state in inside.values()):  # else an agent that is not in use
                    report.missing_sessions.append(folder)
        self._delete(left.values(), report)  # of folders that are no longer asked for
        return seen

    def _follow_folder(
        self, root: Root, folder: str, known: dict[str, DocumentState], deadline: Deadline, report: RootReport
    ) -> bool:
        reader = self._parts.session_reader_of(root, self._writer.view().roots())
        source = self._parts.sessions_of(root, folder)
        found = compare(
            source,
            known,
            deadline.share(LISTING_SHARE),  # the rest is for reading what was found, the newest first
            reader_version=reader.version,
            may_be_empty=True,
            unnamed=partial(unnamed, folder),
        )
        done = left = 0
        for state in found.changed:
            if deadline.passed():
                break
            former = known.get(state.path)
            outcome = self._read(reader, source, state, folder, known)
            if outcome is None:
                left += 1
            elif isinstance(outcome, Skipped):
                found.skipped[outcome.reason] += 1
                report.removed += former is not None and not former.skipped and not _kept(outcome)
            else:
                report.transcripts += 1
                report.turns += len(outcome.transcript.turns) if outcome.transcript else 0
            done += 1
            self._progress.step("sessions", done, len(found.changed))
        self._write_read()  # before anything is deleted, which may be what was renamed
        pending = len(found.changed) - done + left
        report.pending += pending
        if found.complete and not pending:
            gone = set(found.gone)
            self._delete([state for state in known.values() if state.id in gone], report)
        report.count_skipped(found.skipped)
        return found.complete

    def _read(
        self,
        reader: SessionReader,
        source: SessionSource,
        state: FileState,
        folder: str,
        known: dict[str, DocumentState],
    ) -> Document | Skipped | None:
        """Read a transcript; returns None where that would take too long."""
        read_at = time.time_ns()
        read, passed_over = known.get(state.path), known.get(unnamed(folder, state.path))
        resume = self._writer.resume_of(read.id) if read is not None else None
        most = READ_IN_PASSING if self._deadline.limited else None
        outcome = reader.read(source, state, state.path.removeprefix(f"{folder}/"), read, resume, most=most)
        stored = settled(state, read_at)
        if isinstance(outcome, Document):
            self._add(replace(outcome, mtime_ns=stored.mtime_ns), passed_over)
        elif outcome is not None and not _kept(outcome):
            stored = replace(stored, path=unnamed(folder, state.path))
            self._add(reader.remember_skipped(stored, outcome), read)
        return outcome

    def _add(self, document: Document, replaced: DocumentState | None) -> None:
        """Take a document to be written in the place of `replaced`, which is stored under another path."""
        if replaced is not None:
            self._replaced.append(replaced.id)
        self._unwritten.append(document)
        self._unwritten_chunks += max(1, len(document.chunks))  # one that is passed over has none
        if self._unwritten_chunks >= WRITTEN_AT_ONCE:
            self._write_read()

    def _write_read(self) -> None:
        self._write(self._unwritten)
        self._writer.delete_documents(self._replaced)
        self._unwritten, self._replaced = [], []
        self._unwritten_chunks = 0

    def _delete(self, states: Collection[DocumentState], report: RootReport) -> None:
        self._writer.delete_documents([state.id for state in states])
        report.removed += sum(not state.skipped for state in states)


def _kept(skipped: Skipped) -> bool:
    """Whether what is stored of a transcript stays as it is, for it may be read again later."""
    return skipped.reason in (UNREADABLE, VANISHED)
