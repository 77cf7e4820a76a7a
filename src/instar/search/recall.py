"""What sessions add to hits: whose turn it is, what it answers, what it touched, who touched a file."""

from collections.abc import Sequence
from dataclasses import replace

from instar.domain.corpus import SourceKind
from instar.domain.search import Hit, RelatedSession
from instar.domain.stored import ChunkRow, TurnRow
from instar.ports import CorpusSnapshot

MOST_RELATED = 5
"""Sessions named with a file: a list to pick from, not a history."""
TURNS_A_SESSION = 10
"""Turns looked at for each session wanted: a session that edits a file does so several times, and is named once."""
PROMPT_CHARACTERS = 200
"""Of a prompt, enough to recognise it."""


def with_sessions(snapshot: CorpusSnapshot, hits: Sequence[Hit], rows: Sequence[ChunkRow]) -> tuple[Hit, ...]:
    """Return hits with what is known of sessions; row i is the chunk of hit i."""
    turns = snapshot.turn_rows([row.turn_id for row in rows if row.turn_id is not None])
    files = dict.fromkeys(_path(hit) for hit in hits if hit.source != SourceKind.SESSIONS)
    related = snapshot.related_sessions(list(files), MOST_RELATED * TURNS_A_SESSION)
    return tuple(
        _with_turn(hit, turns[row.turn_id])
        if row.turn_id is not None and row.turn_id in turns
        else _with_related(hit, related.get(_path(hit), ()))
        for hit, row in zip(hits, rows, strict=True)
    )


def _with_related(hit: Hit, turns: Sequence[RelatedSession]) -> Hit:
    return replace(hit, related_sessions=_first_of_each(turns)) if turns else hit


def _first_of_each(turns: Sequence[RelatedSession]) -> tuple[RelatedSession, ...]:
    """Return the first turn of each session, which is its best."""
    sessions: dict[str, RelatedSession] = {}
    for turn in turns:
        sessions.setdefault(turn.session, turn)
    return tuple(sessions.values())[:MOST_RELATED]


def _path(hit: Hit) -> str:
    return f"{hit.root.rstrip('/')}/{hit.path}"


def _with_turn(hit: Hit, row: TurnRow) -> Hit:
    prompt = " ".join(row.answers.split())[:PROMPT_CHARACTERS]
    return replace(hit, session=row.turn, answers=prompt, files=row.files)
