"""From a transcript to a document that may be stored: the new part of it where it has grown."""

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import blake2b

from instar.chunking import CHUNKER_VERSION, chunk
from instar.domain.chunks import TOOL_RUN, TURN, Chunk
from instar.domain.corpus import Document, DocumentState, SourceKind
from instar.domain.sessions import Resume, Role, Touch, Transcript, Turn
from instar.domain.sources import ANOTHER_PROJECT, NO_PROJECT, UNREADABLE, FileState, Skipped
from instar.indexing.projects import Projects
from instar.indexing.scanning import UNSETTLED
from instar.ports import OpenTranscript, SessionSource
from instar.redaction import REDACTOR_VERSION, redact
from instar.transcripts import TRANSCRIPT_VERSION, folder_of, read_transcript

# JSON can name halves of characters, which no UTF-8 can hold.
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SessionReader:
    """Reads the transcripts of one root; `thinking` takes in what the agent thought."""

    projects: Projects
    thinking: bool = False

    @property
    def version(self) -> str:
        """Transcripts read by another version, or by another choice of projects, are read again."""
        parts = (REDACTOR_VERSION, CHUNKER_VERSION, TRANSCRIPT_VERSION, int(self.thinking), self.projects.fingerprint)
        return ".".join(map(str, parts))

    def read(
        self,
        source: SessionSource,
        state: FileState,
        name: str,
        known: DocumentState | None,
        resume: Resume | None,
        *,
        most: int | None = None,
    ) -> Document | Skipped | None:
        """Return what is new in a transcript, all of it unless it has grown since it was `known`, or why nothing is.

        `name` is its path relative to the folder of transcripts. Of a session of another project no more is read than
        the first lines, which name the folder. None where more than `most` bytes are to be read.
        """
        with source.open(state.path) as file:
            if isinstance(file, Skipped):
                return file
            try:
                at = resume if self._has_grown(file, state, known, resume) else None
                if at and (most is None or state.size - at.offset <= most):
                    document = self._document(file, state, name, at)
                    if document is not None:
                        return document
                return self._whole(file, state, name, most)
            except OSError:
                return Skipped(state.path, UNREADABLE)

    def _whole(self, file: OpenTranscript, state: FileState, name: str, most: int | None) -> Document | Skipped | None:
        folder = folder_of(file.lines(0))
        if folder is None or self.projects.home(folder) is None:
            return Skipped(state.path, NO_PROJECT if folder is None else ANOTHER_PROJECT)
        if most is not None and state.size > most:
            return None
        return self._document(file, state, name, None) or Skipped(state.path, ANOTHER_PROJECT)

    def _has_grown(
        self, file: OpenTranscript, state: FileState, known: DocumentState | None, resume: Resume | None
    ) -> bool:
        """Whether what was read of a transcript still stands in it, and only something behind it may be new."""
        if known is None or resume is None or known.reader_version != self.version:
            return False
        appended = state.size > known.size or (state.size == known.size and known.mtime_ns == UNSETTLED)
        # Before the first byte nothing stands by which one transcript could be told from another.
        if not appended or resume.offset == 0 or not known.content_hash:
            return False
        return file.before(resume.offset) == known.content_hash

    def _document(self, file: OpenTranscript, state: FileState, name: str, at: Resume | None) -> Document | None:
        """Read a transcript from `at` on; None where that is of another project, as if it was replaced meanwhile.

        Raises `OSError`.
        """
        stood = file.before(state.size)
        lines = file.lines(at.offset if at else 0)
        transcript = read_transcript(lines, name, at, redact=_clean, thinking=self.thinking)
        if self.projects.home(transcript.folder) is None:
            return None
        tail = file.before(transcript.resume.offset)
        clean = self._redacted(transcript)
        return Document(
            path=state.path,
            size=state.size,
            mtime_ns=state.mtime_ns,
            # What was rewritten while it was read is read anew next time; what was only appended to goes on.
            content_hash=tail if stood and file.before(state.size) == stood else b"",
            reader_version=self.version,
            source=SourceKind.SESSIONS,
            language=None,
            repository="",
            chunks=tuple(piece for turn in clean.turns for piece in _chunks(turn)),
            transcript=clean,
            kept_lines=at.line if at else 0,
        )

    def _redacted(self, transcript: Transcript) -> Transcript:
        """Take out secrets; of turns with the same id the first is kept."""
        home = self.projects.home(transcript.folder) or self.projects.root
        turns: dict[str, Turn] = {}
        for turn in transcript.turns:
            clean = self._redacted_turn(turn, home)
            turns.setdefault(clean.id, clean)
        passed_over: Counter[str] = Counter()
        for kind, count in transcript.passed_over.items():
            passed_over[_clean(kind)] += count
        return replace(
            transcript,
            session=_clean(transcript.session),
            agent=_clean(transcript.agent),
            folder=_clean(transcript.folder),
            turns=tuple(turns.values()),
            resume=replace(transcript.resume, state=_clean_json(transcript.resume.state)),
            passed_over=passed_over,
        )

    def _redacted_turn(self, turn: Turn, home: str) -> Turn:
        touches = (Touch(_clean(self.projects.shown(touch.path, home)), touch.action) for touch in turn.touches)
        return replace(
            turn,
            id=_clean(turn.id),
            text=_clean(turn.text),
            branch=_clean(turn.branch),
            folder=_clean(turn.folder),
            answers=_clean(turn.answers),
            touches=tuple(dict.fromkeys(touches)),
        )

    def remember_skipped(self, state: FileState, skipped: Skipped) -> Document:
        """Return what is stored of a transcript that is passed over, so that it is not opened before it changes."""
        return Document(
            path=state.path,
            size=state.size,
            mtime_ns=state.mtime_ns,
            content_hash=b"",
            reader_version=self.version,
            source=SourceKind.SESSIONS,
            language=None,
            repository="",
            chunks=(),
            skipped=skipped.reason,
        )


def unnamed(folder: str, path: str) -> str:
    """Return the path under which a transcript in `folder` is remembered that is passed over.

    It tells nothing of its own path, which may name another project.
    """
    return f"{folder}/skipped:{blake2b(os.fsencode(path), digest_size=16).hexdigest()}"


def _chunks(turn: Turn) -> list[Chunk]:
    """Cut what was said like a document, what tools did by lines; all pieces carry the lines of the turn."""
    language, kind = (None, TOOL_RUN) if turn.role is Role.TOOL else ("markdown", TURN)
    return [
        replace(piece, start_line=turn.first_line, end_line=turn.last_line, kind=kind, turn=turn.id)
        for piece in chunk(turn.text, language)
    ]


def _clean(text: str) -> str:
    return redact(_whole(text)).text


def _clean_json(text: str) -> str:
    """Return JSON with clean strings; what it is made of stays."""
    return json.dumps(_clean_value(json.loads(text))) if text else text


def _clean_value(value: object) -> object:
    if isinstance(value, dict):
        return {_clean(key): _clean_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean_value(inner) for inner in value]
    return _clean(value) if isinstance(value, str) else value


def _whole(text: str) -> str:
    return _HALVES.sub("\ufffd", text)
