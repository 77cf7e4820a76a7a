"""Real transcripts, published by others: no words of five or more are lost, and what gives no turn is known."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from instar.domain.sessions import Resume, Role, Transcript, Turn
from instar.transcripts import folder_of, read_transcript

DATA = os.environ.get("INSTAR_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="INSTAR_TEST_DATA names no folder with `sessions/`")
FILES = sorted(Path(DATA or ".", "sessions").rglob("*.jsonl")) if DATA else []
# What gives no turn in these files, and why that is right.
PASSED_OVER = {
    "progress": 6_966,  # Output of hooks and commands under way; records of sub-agents, which have their own files.
    "file-history-snapshot": 170,
    "assistant: thinking": 87,
    "assistant: empty": 31,  # Two line feeds before a call.
    "user: meta": 28,  # What hooks and skills said in the name of the user.
    "system: stop_hook_summary": 14,
    "user: interruption": 9,
    "queue-operation": 8,  # Notifications and removals; three more hold prompts.
    "system: turn_duration": 8,
    "system: api_error": 5,  # Without a message.
    "system: compact_boundary": 5,
    "user: compaction request": 5,
    "system: local_command": 4,  # `/model` and `/mcp`, and what they printed.
    "summary: of another session": 5,  # Their last record is not in the file.
    "user: notification": 5,
    "user: output of a command": 4,
    "user: caveat": 1,
    "user: document": 1,
    "user: no content": 1,  # `contenst` for `content`.
    "user: repeats a queued prompt": 1,
    "record: repeated": 2,
    "unknown record: unknown": 1,  # {"silly": "this"}
    "line: broken": 3,  # A string, a number and an array.
}
# Texts nobody typed, as they begin, and one of a record that has the id of the record before.
LEFT_OUT = ("<local-command-", "<task-notification>", "[Request interrupted", "Caveat: The messages below", "<command-",
    "Testing special characters: café", "Your task is to create a detailed summary")  # fmt: skip


def read(path: Path) -> Transcript:
    return read_transcript(path.read_bytes().splitlines(keepends=True), path.name, redact=str)


@pytest.fixture(scope="module")
def transcripts() -> dict[Path, Transcript]:
    assert len(FILES) == 30
    return {path: read(path) for path in FILES}


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield role and words of each text that a user or the assistant is recorded with, by a reading of its own."""
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not isinstance(record, dict) or record.get("type") not in ("user", "assistant") or record.get("isMeta"):
            continue
        message = record["message"]
        content = message.get("content", []) if isinstance(message, dict) else message
        role = "assistant" if record.get("isCompactSummary") else record["type"]
        for block in [content] if isinstance(content, str) else content:
            words = block if isinstance(block, str) else block["text"] if block["type"] == "text" else ""
            yield role, re.sub(r"<system-reminder>.*?</system-reminder>", "", words, flags=re.DOTALL)


def squeezed(words: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", words).split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_text_of_five_words_is_in_a_turn(path, transcripts):
    turns: dict[str, list[str]] = {"user": [], "assistant": []}
    for turn in transcripts[path].turns:
        turns.get(turn.role, []).append(squeezed(turn.text))
    for role, words in texts(path):
        if len(words.split()) >= 5 and not words.startswith(LEFT_OUT):
            assert any(squeezed(words) in turn for turn in turns[role]), words


def test_what_gives_no_turn_is_counted_by_kind(transcripts):
    counted: Counter[str] = Counter()
    for transcript in transcripts.values():
        counted.update(transcript.passed_over)
    assert counted == PASSED_OVER


def test_every_turn_has_words_an_id_of_its_own_and_its_lines(transcripts):
    for path, transcript in transcripts.items():
        lines = path.read_bytes().count(b"\n") + 1
        assert len({turn.id for turn in transcript.turns}) == len(transcript.turns)
        for turn in transcript.turns:
            assert turn.text.strip()
            assert 1 <= turn.first_line <= turn.last_line <= lines
            assert turn.role is not Role.TOOL or len(turn.text) < 5_000


def test_every_answer_behind_a_prompt_names_one_of_the_file(transcripts):
    for transcript in transcripts.values():
        prompts: set[str] = set()
        for turn in transcript.turns:
            if turn.role is Role.USER:
                prompts.add(turn.id)
            elif turn.answers:
                assert turn.answers in prompts


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_that_grow_line_by_line_give_the_same(path, transcripts):
    lines = path.read_bytes().splitlines(keepends=True)
    step = max(1, len(lines) // 40)
    turns: tuple[Turn, ...] = ()
    resume = Resume()
    for end in [*range(step, len(lines), step), len(lines)]:
        part = read_transcript(lines[resume.line : end], path.name, resume, redact=str)
        turns = (*(turn for turn in turns if turn.first_line <= resume.line), *part.turns)
        resume = part.resume
    whole = transcripts[path]
    assert (turns, part.passed_over, part.session) == (whole.turns, whole.passed_over, whole.session)


def test_the_folder_is_that_of_the_first_record_that_tells_one(transcripts):
    for path, transcript in transcripts.items():
        with path.open("rb") as lines:
            assert (folder_of(lines) or "") == transcript.folder
