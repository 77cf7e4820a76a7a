"""What was said is found by its own words, in real transcripts that others published."""

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from instar.domain.corpus import SessionChoice
from instar.domain.search import Hit, Mode, Scope, SearchRequest
from instar.domain.sessions import Role
from instar.ports import SilentProgress
from instar.redaction import redact
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.transcripts import read_transcript
from instar.wiring import Workspace

DATA = os.environ.get("INSTAR_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="INSTAR_TEST_DATA names no folder with `sessions/`")
FOLDER = Path(DATA or ".", "sessions").resolve()
LEAST_WORDS, PHRASE, DRAWS, TOP = 5, 8, 5, 3
LEAST_FOUND = 0.99
WORD = re.compile(r"\S*\w\S*")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Iterator[Workspace]:
    """Return a data folder with all transcripts, as sessions of an empty project."""
    root = tmp_path_factory.mktemp("project")
    (root / "empty.py").write_text("")
    opened = Workspace(Settings(data=tmp_path_factory.mktemp("data")), HashEmbedder())
    opened.choose_sessions([root], SessionChoice((str(FOLDER),), ("**",)))
    opened.index([root], SilentProgress())
    yield opened
    opened.close()


def clean(text: str) -> str:
    return redact(text).text


def said() -> set[str]:
    """Return the distinct texts of at least five words that a user or an assistant said."""
    texts = set()
    for path in FOLDER.rglob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        turns = read_transcript(lines, path.name, redact=clean).turns
        texts |= {clean(turn.text) for turn in turns if turn.role is not Role.TOOL}
    return {text for text in texts if len(WORD.findall(text)) >= LEAST_WORDS}


def phrases(texts: set[str]) -> list[tuple[str, str]]:
    """Return each text five times, with eight of its words in a row (all of a shorter one) from a place drawn anew."""
    draw = random.Random(8)
    drawn = []
    for text in sorted(texts) * DRAWS:
        words = WORD.findall(text)
        start = draw.randrange(max(1, len(words) - PHRASE + 1))
        drawn.append((text, " ".join(words[start : start + PHRASE])))
    return drawn


def is_of(hit: Hit, text: str) -> bool:
    """Whether a hit is a part of the text, whichever copy of it is shown."""
    return hit.text.strip() in text


def test_what_was_said_is_found_by_eight_of_its_words(workspace):
    missed = []
    texts = said()
    asked = phrases(texts)
    for text, phrase in asked:
        request = SearchRequest(phrase, Scope(source="sessions"), mode=Mode.LEXICAL, limit=TOP)
        if not any(is_of(hit, text) for hit in workspace.search(request).hits):
            missed.append(phrase)
    assert len(texts) > 500
    assert len(missed) <= (1 - LEAST_FOUND) * len(asked), missed
