"""Secrets that show by what stands before them: credentials in URLs, headers, command lines, password hashes."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from instar.redaction.judgement import is_placeholder, looks_chosen, looks_random
from instar.redaction.spans import Span, View


@dataclass(frozen=True, slots=True)
class _Context:
    """One form of surroundings.

    literal: lower-case, where the form begins; the text is searched for it before the pattern is tried.
    pattern: matched at the literal; group 1 is the secret, the rest is kept.
    accepts: whether what stands in group 1 is one.
    command: the command that must stand before the literal, in the same line; empty where none need.
    """

    kind: str
    literal: bytes
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]
    command: str = ""


def _anything(value: str) -> bool:
    return bool(value)


def _not_placeholder(value: str) -> bool:
    return not is_placeholder(value)


def _is_basic(value: str) -> bool:
    """Whether a value is base64 of `user:password`, as in RFC 7617."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()


_AUTHORIZATION = r"authorization\\{0,7}[\"'\]]{0,3}\s{0,4}[:=,]\s{0,4}\\{0,7}[\"'`]?"
_I = re.IGNORECASE
# Characters between a command and its option.
_COMMAND_REACH = 300

_CONTEXTS: tuple[_Context, ...] = (
    _Context(
        "url-password",
        b"://",
        # The password reaches to the last @ before the path, since people leave an @ in it unescaped.
        re.compile(
            r"://[^\s:/@\"'`<>\\\x00-\x1f?#]{0,128}:([^\s/\"'`<>\\\x00-\x1f?#]{2,256})@(?=[A-Za-z0-9\[{$%_<*(-])"
        ),
        _not_placeholder,
    ),
    _Context(
        "slack-webhook",
        b"hooks.slack.com/",
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/]{20,128})", _I),
        looks_random,
    ),
    _Context(
        "discord-webhook",
        b"/api/webhooks/",
        re.compile(r"/api/webhooks/([0-9]{15,21}/[A-Za-z0-9_-]{50,90})", _I),
        _anything,
    ),
    _Context(
        "bearer-token",
        b"authorization",
        re.compile(_AUTHORIZATION + r"(?:bearer|token|apikey|api-key)\s{1,4}([A-Za-z0-9._~+/=-]{12,16384})", _I),
        looks_random,
    ),
    _Context(
        "basic-auth",
        b"authorization",
        re.compile(_AUTHORIZATION + r"basic\s{1,4}([A-Za-z0-9+/]{6,512}={0,2})", _I),
        _is_basic,
    ),
    _Context(
        "bearer-token",
        b"bearer ",
        re.compile(r"bearer {1,4}([A-Za-z0-9._~+/=-]{20,16384})", _I),
        looks_random,
    ),
    _Context(
        "basic-auth",
        b" -u",
        re.compile(r" -u[ =]?[\"']?[^\s:\"'\x00-\x1f]{1,64}:([^\s\"'`\x00-\x1f\\]{2,128}[^\s\"'`\x00-\x1f\\,.;])"),
        _not_placeholder,
        command="curl",
    ),
    _Context(
        "basic-auth",
        b" --user",
        re.compile(r" --user[ =][\"']?[^\s:\"'\x00-\x1f]{1,64}:([^\s\"'`\x00-\x1f\\]{2,128}[^\s\"'`\x00-\x1f\\,.;])"),
        _not_placeholder,
        command="curl",
    ),
    _Context(
        "command-line-password",
        b"sshpass ",
        re.compile(r"sshpass\s{1,4}-p ?[\"']?([^\s\"'`\x00-\x1f\\]{2,128}[^\s\"'`\x00-\x1f\\,.;])", _I),
        _not_placeholder,
    ),
    _Context(
        "command-line-password",
        b" -p",
        re.compile(r" -p[\"']?([^\s\"'`\x00-\x1f\\]{6,128})"),
        looks_chosen,
        command="mysql",
    ),
    _Context(
        "netrc-password",
        b"machine ",
        re.compile(
            r"machine\s{1,8}\S{1,128}\s{1,8}login\s{1,8}\S{1,128}\s{1,8}password\s{1,8}[\"']?([^\s\x00-\x1f\\\"'`]{2,128}[^\s\x00-\x1f\\\"'`,.;])",
            _I,
        ),
        _not_placeholder,
    ),
    _Context("azure-sas", b"sig=", re.compile(r"sig=([A-Za-z0-9+/]{43}=|[A-Za-z0-9%]{43,80}%3d)", _I), looks_random),
    _Context(
        "password-hash",
        b"$",
        re.compile(
            r"(\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}"
            r"|\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}(?![./A-Za-z0-9])"
            r"|\$5\$(?:rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}(?![./A-Za-z0-9])"
            r"|\$6\$(?:rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}(?![./A-Za-z0-9])"
            r"|\$y\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}(?![./A-Za-z0-9])"
            r"|\$argon2(?:id|i|d)\$v=[0-9]{1,3}\$[a-z0-9,=]{5,64}\$[A-Za-z0-9+/]{10,128}\$[A-Za-z0-9+/]{16,256})"
        ),
        _anything,
    ),
    _Context("htpasswd-hash", b":{sha}", re.compile(r":(\{SHA\}[A-Za-z0-9+/]{27}=)"), _anything),
)
KINDS = tuple(dict.fromkeys(context.kind for context in _CONTEXTS))


def scan(view: View) -> Iterator[Span]:
    """Yield the secrets of a text that stand in a telling place."""
    for context in _CONTEXTS:
        position = view.folded.find(context.literal)
        while position >= 0:
            following = position + len(context.literal)
            match = context.pattern.match(view.text, position)
            if match and context.accepts(match[1]) and _follows(view.text, position, context.command):
                yield Span(match.start(1), match.end(1), context.kind)
                following = match.end()
            position = view.folded.find(context.literal, following)


def _follows(text: str, position: int, command: str) -> bool:
    line = text.rfind("\n", max(0, position - _COMMAND_REACH), position)
    return text.find(command, max(line, position - _COMMAND_REACH, 0), position) >= 0
