"""Following the folders with the transcripts of a root."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from instar.domain.corpus import Document, DocumentState, Root
from instar.domain.sources import UNREADABLE, VANISHED, FileState, Skipped
from instar.errors import RootMissingError
from instar.indexing.clock import Deadline
from instar.indexing.parts import WRITTEN_AT_ONCE, Indexing, RootReport
from instar.indexing.scanning import compare, settled
from instar.indexing.sessions import SessionReader
from instar.ports import CorpusWriter, Progress, SessionSource


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

    def follow(self, root: Root, known: dict[str, DocumentState], report: RootReport) -> bool:
        """Read what is new in each folder and delete what is gone; returns whether all of them were seen in full."""
        seen = True
        left = dict(known)
        for folder in root.sessions.folders if root.sessions else ():
            inside = {path: left.pop(path) for path in known if path in left and path.startswith(f"{folder}/")}
            try:
                seen &= self._follow_folder(root, folder, inside, report)
            except RootMissingError:
                if any(not state.skipped for state in inside.values()):  # else an agent that is not in use
                    report.missing_sessions.append(folder)
        self._delete(left.values(), report)  # of folders that are no longer asked for
        return seen

    def _follow_folder(self, root: Root, folder: str, known: dict[str, DocumentState], report: RootReport) -> bool:
        reader = self._parts.session_reader_of(root, self._writer.view().roots())
        source = self._parts.sessions_of(root, folder)
        found = compare(source, known, self._deadline, reader_version=reader.version, may_be_empty=True)
        done = 0
        for state in found.changed:
            if self._deadline.passed():
                break
            former = known.get(state.path)
            outcome = self._read(reader, source, state, folder, former)
            if isinstance(outcome, Skipped):
                found.skipped[outcome.reason] += 1
                report.removed += former is not None and not former.skipped and not _kept(outcome)
            else:
                report.transcripts += 1
                report.turns += len(outcome.transcript.turns) if outcome.transcript else 0
            done += 1
            self._progress.step("sessions", done, len(found.changed))
        self._write_read()  # before anything is deleted, which may be what was renamed
        pending = len(found.changed) - done
        report.pending += pending
        if found.complete and not pending:
            gone = set(found.gone)
            self._delete([state for state in known.values() if state.id in gone], report)
        for reason, count in found.skipped.items():
            report.skipped[reason] = report.skipped.get(reason, 0) + count
        return found.complete

    def _read(
        self, reader: SessionReader, source: SessionSource, state: FileState, folder: str, known: DocumentState | None
    ) -> Document | Skipped:
        read_at = time.time_ns()
        resume = self._writer.resume_of(known.id) if known is not None else None
        outcome = reader.read(source, state, state.path.removeprefix(f"{folder}/"), known, resume)
        stored = settled(state, read_at)
        if isinstance(outcome, Document):
            self._add(replace(outcome, mtime_ns=stored.mtime_ns))
        elif not _kept(outcome):
            self._add(reader.remember_skipped(stored, outcome))
        return outcome

    def _add(self, document: Document) -> None:
        self._unwritten.append(document)
        self._unwritten_chunks += len(document.chunks)
        if self._unwritten_chunks >= WRITTEN_AT_ONCE:
            self._write_read()

    def _write_read(self) -> None:
        self._write(self._unwritten)
        self._unwritten = []
        self._unwritten_chunks = 0

    def _delete(self, states: Collection[DocumentState], report: RootReport) -> None:
        self._writer.delete_documents([state.id for state in states])
        report.removed += sum(not state.skipped for state in states)


def _kept(skipped: Skipped) -> bool:
    """Whether what is stored of a transcript stays as it is, for it may be read again later."""
    return skipped.reason in (UNREADABLE, VANISHED)
