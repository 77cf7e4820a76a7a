"""Every kind of token and framed secret, in every sort of text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ALL, LETTERS, TOKENS, Maker, Planted

from instar.redaction import KINDS, Finding, redact

BEFORE = ["import os", "", "def connect(retries: int = 3) -> None:", "    return open_session(retries)"]
AFTER = ["print('done')", "total = price * quantity", ""]


def _ids(planted: Planted) -> str:
    return planted.kind


def _assert_gone(text: str, secret: str) -> None:
    half = len(secret) // 2
    for piece in (secret, secret[:half], secret[half:]):
        assert piece not in text


def _assert_redacted(lines: list[str], secret: str, kind: str, line: int) -> str:
    """Redact lines that hold one secret; everything but its line must stand where it stood."""
    redaction = redact("\n".join(lines))
    after = redaction.text.split("\n")
    _assert_gone(redaction.text, secret)
    assert redaction.findings == (Finding(kind, line),)
    assert len(after) == len(lines)
    assert after[: line - 1] == lines[: line - 1]
    assert after[line:] == lines[line:]
    return after[line - 1]


HOLDERS = {
    "python": "    client = Client({0!r}, retries=3)",
    "comment": "# used to be {0}",
    "json": '  "value": "{0}",',
    "yaml": "value: {0}",
    "env": "VALUE={0}",
    "shell": "export VALUE='{0}'",
    "markdown": "Then paste `{0}` into the form, and go on.",
    "prose": "It was {0}, I think.",
    "colour": "\x1b[32m{0}\x1b[0m",
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
@pytest.mark.parametrize("planted", ALL, ids=_ids)
def test_a_secret_is_replaced_and_nothing_else(planted: Planted, holder: str) -> None:
    line = holder.format(planted.text)
    found = _assert_redacted([*BEFORE, line, *AFTER], planted.secret, planted.kind, len(BEFORE) + 1)
    assert found == line.replace(planted.secret, f"[REDACTED:{planted.kind}]")


@pytest.mark.parametrize("planted", ALL, ids=_ids)
def test_a_full_stop_behind_a_secret_hides_nothing(planted: Planted) -> None:
    for sentence in (f"It was {planted.text}.", f"It was {planted.text}. Then it was not."):
        _assert_gone(redact(sentence).text, planted.secret)


@pytest.mark.parametrize("planted", ALL, ids=_ids)
def test_a_secret_in_a_transcript_is_replaced(planted: Planted) -> None:
    output = f"$ cat settings\n{planted.text}\nVALUE={planted.text}\n\t{planted.text}\n"
    line = json.dumps({"type": "tool_result", "nested": json.dumps({"output": output})})
    redaction = redact(f"{{}}\n{line}\n{{}}")
    _assert_gone(redaction.text, planted.secret)
    assert set(redaction.findings) == {Finding(planted.kind, 2)}
    assert json.loads(json.loads(redaction.text.split("\n")[1])["nested"])["output"].count("\n") == 4


def test_at_least_25_kinds_are_planted_and_each_has_a_name() -> None:
    kinds = {planted.kind for planted in ALL}
    assert len(kinds) >= 25
    assert kinds <= set(KINDS)


@pytest.mark.parametrize("planted", ALL, ids=_ids)
def test_redacting_twice_changes_nothing(planted: Planted) -> None:
    once = redact(f'token: "{planted.text}" {planted.text}\n{planted.text} password = "{planted.text}"').text
    twice = redact(once)
    _assert_gone(once, planted.secret)
    assert (twice.text, twice.findings) == (once, ())


def test_one_span_claimed_twice_is_replaced_whole() -> None:
    access_key = TOKENS[0](Maker(7)).secret
    rest = Maker(8).of(LETTERS, 20)
    redaction = redact(f'secret = "{access_key}/{rest}"')
    assert redaction.text == 'secret = "[REDACTED:aws-access-key-id]"'


_WORDS = st.text(st.sampled_from(LETTERS + " \n\t.,;:!?()[]{}=+-*/'\"\\é😀\x00\r\u2028"), max_size=300)
_PIECES = st.one_of(_WORDS, st.sampled_from([planted.text for planted in ALL]))
_GLUE = st.sampled_from(["", " ", "\n", "\\n", ": ", '"', "password=", 'token = "', "[REDACTED:", "]", "://a:", "@b"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_PIECES, _GLUE), max_size=6))
def test_any_text_keeps_its_lines_and_is_redacted_once_for_all(parts: list[tuple[str, str]]) -> None:
    text = "".join(piece + glue for piece, glue in parts)
    redaction = redact(text)
    assert redaction.text.count("\n") == text.count("\n")
    assert len(redaction.text.splitlines()) == len(text.splitlines())
    assert redaction.text.count("[REDACTED:") >= len(redaction.findings)
    assert all(finding.kind in KINDS and finding.line <= text.count("\n") + 1 for finding in redaction.findings)
    again = redact(redaction.text)
    assert (again.text, again.findings) == (redaction.text, ())


@given(st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=200), st.sampled_from(" \n,.()= "))
def test_words_stay(words: list[str], between: str) -> None:
    text = between.join(words)
    assert redact(text).text == text
