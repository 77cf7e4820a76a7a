"""What sessions add to hits: whose turn it is, what it answers, what it touched, who touched a file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from textwrap import shorten

from instar.domain.corpus import SourceKind
from instar.domain.search import Hit
from instar.domain.stored import ChunkRow
from instar.ports import CorpusSnapshot

MOST_RELATED = 5
"""Sessions named with a file: a list to pick from, not a history."""
PROMPT_CHARACTERS = 200
"""Of a prompt, enough to recognise it."""


def with_sessions(snapshot: CorpusSnapshot, hits: Sequence[Hit], rows: Sequence[ChunkRow]) -> tuple[Hit, ...]:
    """Return hits with what is known of sessions; row i is the chunk of hit i."""
    turns = snapshot.turn_rows([row.turn_id for row in rows if row.turn_id is not None])
    known: list[Hit] = []
    for hit, row in zip(hits, rows, strict=True):
        turn = turns.get(row.turn_id) if row.turn_id is not None else None
        if turn is not None:
            prompt = shorten(turn.answers, PROMPT_CHARACTERS, placeholder=" …")
            known.append(replace(hit, session=turn.turn, answers=prompt, files=turn.files))
        elif hit.source != SourceKind.SESSIONS:
            path = str(PurePosixPath(hit.root) / hit.path)
            known.append(replace(hit, related_sessions=tuple(snapshot.related_sessions(path, MOST_RELATED))))
        else:
            known.append(hit)
    return tuple(known)
