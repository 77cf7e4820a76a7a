import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.redaction.planted import FRAMED, KEY_LABELS, TOKENS, Maker, Planted

from instar.redaction import KINDS, Finding, redact

ALL = [make(Maker(seed)) for seed, make in enumerate([*TOKENS, *FRAMED])]
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


@pytest.mark.parametrize("label", KEY_LABELS)
def test_a_private_key_goes_and_its_lines_stay(label: str) -> None:
    key = Maker(1).pem(label).split("\n")
    redaction = redact("\n".join([*BEFORE, *key, *AFTER]))
    assert redaction.findings == (Finding("private-key", len(BEFORE) + 1),)
    placeholder = "[REDACTED:private-key]"
    expected = [*BEFORE, placeholder, *[""] * (len(key) - 2), placeholder, *AFTER]
    assert redaction.text.split("\n") == expected


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_private_key_with_escaped_line_breaks_goes(depth: int) -> None:
    key = Maker(2).pem("PRIVATE KEY")
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
    key = Maker(3).pem("RSA PRIVATE KEY").split("\n")[:6]
    redaction = redact("\n".join([*BEFORE, *key, "... 20 more lines", *AFTER]))
    for body in key[1:]:
        _assert_gone(redaction.text, body)
    assert redaction.text.split("\n")[len(BEFORE) + len(key) :] == ["... 20 more lines", *AFTER]


def test_a_private_key_with_line_numbers_goes() -> None:
    key = [f"{number:>5}\t{line}" for number, line in enumerate(Maker(4).pem("EC PRIVATE KEY").split("\n"), 1)]
    redaction = redact("\n".join([*key, *AFTER]))
    for line in key[1:-1]:
        _assert_gone(redaction.text, line.split("\t")[1])
    assert redaction.text.split("\n")[len(key) :] == AFTER


def test_a_putty_key_goes_and_its_header_stays() -> None:
    body = [Maker(seed).of(string.ascii_letters, 64) for seed in range(3)]
    redaction = redact("\n".join(["Comment: laptop", "Private-Lines: 3", *body, "Private-MAC: 00"]))
    placeholder = "[REDACTED:putty-private-key]"
    expected = ["Comment: laptop", "Private-Lines: 3", placeholder, "", placeholder, "Private-MAC: 00"]
    assert redaction.text.split("\n") == expected


TOKEN = Maker(5).of(string.ascii_letters + string.digits, 32)
PASSWORD = Maker(6).password()
ASSIGNMENTS = [
    ('password = "@@"', PASSWORD),
    ("'password': '@@',", PASSWORD),
    ('password: str = "@@"', PASSWORD),
    ('String dbPassword = "@@";', PASSWORD),
    ('char password[32] = "@@";', PASSWORD),
    ('#define WIFI_PASSWORD "@@"', PASSWORD),
    ("define('DB_PASSWORD', '@@');", PASSWORD),
    (':password => "@@"', PASSWORD),
    ("<password>@@</password>", PASSWORD),
    ('<add key="DbPassword" value="@@"/>', PASSWORD),
    ('- name: DB_PASSWORD\n  value: "@@"', PASSWORD),
    ('{"name": "DB_PASSWORD", "value": "@@"}', PASSWORD),
    ("DB_PASS=@@", PASSWORD),
    ("DB_PASSWORD=@@", PASSWORD + ",x;(9"),
    ("export PGPASSWORD=@@", PASSWORD),
    ("  password: @@  # local", PASSWORD),
    ("password: >-\n  @@", PASSWORD),
    ('setPassword("@@")', PASSWORD),
    ("the password is `@@`", PASSWORD),
    ('password = """@@"""', PASSWORD),
    ('password = "@@"', "hunter22"),
    ('api_key = "@@"', TOKEN),
    ("apiKey: '@@',", TOKEN),
    ("api-key: @@", TOKEN),
    ("X-Api-Key: @@", TOKEN),
    ("SECRET_KEY=@@", TOKEN),
    ('const token: string = "@@";', TOKEN),
    ('os.environ["API_TOKEN"] = "@@"', TOKEN),
    ("ENV API_TOKEN @@", TOKEN),
    ('my_secret := "@@"', TOKEN),
    ("client_secret=@@&grant_type=code", TOKEN),
    ('token = "@@"', "3f1c2b4a-9d8e-4c7b-a6f5-0e1d2c3b4a59"),
]


@pytest.mark.parametrize(("frame", "value"), ASSIGNMENTS, ids=[frame for frame, _ in ASSIGNMENTS])
def test_a_value_given_to_a_telling_name_is_replaced(frame: str, value: str) -> None:
    redaction = redact(frame.replace("@@", value))
    (finding,) = redaction.findings
    assert redaction.text == frame.replace("@@", f"[REDACTED:{finding.kind}]")
    escaped = json.dumps({"out": f"first\n{frame.replace('@@', value)}\nlast"})
    _assert_gone(redact(escaped).text, value)


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass()",
        'password = os.environ["DB_PASSWORD_2"]',
        "password: ${DB_PASSWORD}",
        "password={{ db_password_1 }}",
        "PASSWORD=$1",
        'password: "Enter your password (8 characters)"',
        'password = "<your-password-1>"',
        "password: changeme123",
        'api_key="YOUR_API_KEY_HERE_12345"',
        "token = self.next_token2()",
        "token = tokens[i + 1]",
        "api_key = config.api_key_v2_production",
        "if (token === TokenType2.Identifier) {",
        'secret = "kubernetes-secret-name-1"',
        "aws_secret_access_key = AWS_SECRET_ACCESS_KEY_2",
        't.username=n2.username,t.password=n2.password,t.host="a"',
        'assert bypass("localhost:8888")',
        'cache_key = "0f343b0931126a20f133d67c2b018a3b"',
        'password_hash = "0f343b0931126a20f133d67c2b018a3b"',
        "https://internal:8080/npm/@scope/package",
        "git@git.internal:team/project2.git",
        "postgres://user:password@host/db",
        "postgres://$USER:$PASSWORD@host/db",
        "Authorization: Bearer $TOKEN",
        "sk-loading-spinner-animation-container-2",
        "task-1234567890abcdefghijklmnopqrstuvwxyz1234",
        '"sha512-' + "a1B2" * 21 + '=="',
        "ghp_" + "x" * 36,
        "if '-" + "----BEGIN PRIVATE KEY-----' in text and '-" + "----END PRIVATE KEY-----' in text:",
        "commit 0f343b0931126a20f133d67c2b018a3b0f343b09",
    ],
)
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    assert redact(text).text == text


@pytest.mark.parametrize("planted", ALL, ids=_ids)
def test_redacting_twice_changes_nothing(planted: Planted) -> None:
    once = redact(f'token: "{planted.text}" {planted.text}\n{planted.text} password = "{planted.text}"').text
    twice = redact(once)
    _assert_gone(once, planted.secret)
    assert (twice.text, twice.findings) == (once, ())


def test_one_span_claimed_twice_is_replaced_whole() -> None:
    access_key = TOKENS[0](Maker(7)).secret
    rest = Maker(8).of(string.ascii_letters, 20)
    redaction = redact(f'secret = "{access_key}/{rest}"')
    assert redaction.text == 'secret = "[REDACTED:aws-access-key-id]"'


def test_lines_and_line_breaks_of_every_sort_are_kept() -> None:
    key = Maker(9).pem("PRIVATE KEY").replace("\n", "\r\n")
    redaction = redact(f"a\r\n{key}\r\nb\x0c\x0bc\u2028d")
    assert redaction.text.count("\r\n") == key.count("\r\n") + 2
    assert redaction.text.endswith("\r\nb\x0c\x0bc\u2028d")


_WORDS = st.text(st.sampled_from(string.ascii_letters + " \n\t.,;:!?()[]{}=+-*/'\"\\é😀\x00\r\u2028"), max_size=300)
_PIECES = st.one_of(_WORDS, st.sampled_from([planted.text for planted in ALL]), st.just(Maker(10).pem("PRIVATE KEY")))
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


@given(st.lists(st.text(string.ascii_letters, min_size=1, max_size=12), max_size=200), st.sampled_from(" \n,.()= "))
def test_words_stay(words: list[str], between: str) -> None:
    text = between.join(words)
    assert redact(text).text == text
