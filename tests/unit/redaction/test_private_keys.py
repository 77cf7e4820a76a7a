"""Private keys: whole, escaped, cut off, numbered. Their bodies are made up at run time."""

import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.redaction import Finding, redact

LABELS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
PLACEHOLDER = "[REDACTED:private-key]"
BEFORE = ["import os", ""]
AFTER = ["print('done')", "total = price * quantity", ""]


def _body(seed: int, lines: int) -> list[str]:
    chosen = random.Random(seed)
    return ["".join(chosen.choices(string.ascii_letters + string.digits + "+/", k=64)) for _ in range(lines)]


def _pem(seed: int, label: str) -> str:
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {label}{dashes}", *_body(seed, 12), f"{dashes}END {label}{dashes}"])


def _assert_gone(text: str, secret: str) -> None:
    half = len(secret) // 2
    for piece in (secret, secret[:half], secret[half:]):
        assert piece not in text


@pytest.mark.parametrize("label", LABELS)
def test_a_private_key_goes_and_its_lines_stay(label: str) -> None:
    key = _pem(1, label).split("\n")
    redaction = redact("\n".join([*BEFORE, *key, *AFTER]))
    assert redaction.findings == (Finding("private-key", len(BEFORE) + 1),)
    expected = [*BEFORE, PLACEHOLDER, *[""] * (len(key) - 2), PLACEHOLDER, *AFTER]
    assert redaction.text.split("\n") == expected


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_private_key_with_escaped_line_breaks_goes(depth: int) -> None:
    key = _pem(2, "PRIVATE KEY")
    line = f'before "quoted"\n{key}\nafter'
    for _ in range(depth):
        line = json.dumps({"private_key": line})
    redaction = redact(f"{{}}\n{line}\n{{}}")
    for body in key.split("\n")[1:-1]:
        _assert_gone(redaction.text, body)
    assert redaction.findings == (Finding("private-key", 2),)
    value = redaction.text.split("\n")[1]
    for _ in range(depth):
        value = json.loads(value)["private_key"]
    assert value == 'before "quoted"\n[REDACTED:private-key]\nafter'


def test_a_private_key_without_its_end_goes_up_to_where_it_was_cut() -> None:
    key = _pem(3, "RSA PRIVATE KEY").split("\n")[:6]
    redaction = redact("\n".join([*BEFORE, *key, "... 20 more lines", *AFTER]))
    for body in key[1:]:
        _assert_gone(redaction.text, body)
    assert redaction.text.split("\n")[len(BEFORE) + len(key) :] == ["... 20 more lines", *AFTER]


def test_a_private_key_with_line_numbers_goes() -> None:
    key = [f"{number:>5}\t{line}" for number, line in enumerate(_pem(4, "EC PRIVATE KEY").split("\n"), 1)]
    redaction = redact("\n".join([*key, *AFTER]))
    for line in key[1:-1]:
        _assert_gone(redaction.text, line.split("\t")[1])
    assert redaction.text.split("\n")[len(key) :] == AFTER


def test_a_putty_key_goes_and_its_header_stays() -> None:
    body = _body(5, 3)
    redaction = redact("\n".join(["Comment: laptop", "Private-Lines: 3", *body, "Private-MAC: 00"]))
    placeholder = "[REDACTED:putty-private-key]"
    expected = ["Comment: laptop", "Private-Lines: 3", placeholder, "", placeholder, "Private-MAC: 00"]
    assert redaction.text.split("\n") == expected


def test_lines_and_line_breaks_of_every_sort_are_kept() -> None:
    key = _pem(9, "PRIVATE KEY").replace("\n", "\r\n")
    redaction = redact(f"a\r\n{key}\r\nb\x0c\x0bc\u2028d")
    assert redaction.text.count("\r\n") == key.count("\r\n") + 2
    assert redaction.text.endswith("\r\nb\x0c\x0bc\u2028d")


_PARTS = [_pem(6, LABELS[0]), _pem(7, LABELS[4]), *_body(8, 2), _pem(6, LABELS[0])[:300], "x = 1", "\n", "\r\n"]


@given(st.lists(st.sampled_from(_PARTS), max_size=8), st.sampled_from(["\n", "\r\n", " ", "\\n", ""]))
def test_keys_keep_every_line_and_are_redacted_once_for_all(parts: list[str], between: str) -> None:
    text = between.join(parts)
    redaction = redact(text)
    assert len(redaction.text.splitlines()) == len(text.splitlines())
    again = redact(redaction.text)
    assert (again.text, again.findings) == (redaction.text, ())
