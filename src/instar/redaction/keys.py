"""Private keys: blocks of base64 between armour lines, raw or inside a string literal."""

import re
from collections.abc import Iterator

from instar.redaction.spans import Span, View

PEM = "private-key"
PUTTY = "putty-private-key"
KINDS = (PEM, PUTTY)

_BEGIN = "-----BEGIN "
_BEGIN_LINE = re.compile(r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_END_LINE = re.compile(r"-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
# Armour without this much base64 in a row is code or prose that names it; the shortest real body, an Ed25519 key,
# is one line of 64 characters.
_BODY = re.compile(r"[A-Za-z0-9+/]{40}")
# A key cut off before its end (a truncated log): the lines of base64 that follow, with whatever quoting, line
# numbers and line breaks stand between them, and the headers of an encrypted key.
_CUT_BODY = re.compile(
    r"(?:[\s\\\"',+>|]|\\[nrt]|(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\n\\]{0,100}+)*+"
    r"(?:[A-Za-z0-9+/=]{20,}+(?:(?:\\[nrt]|[\s\\\"',+>|]){0,40}+))+"
)
_PUTTY_BODY = re.compile(r"Private-Lines: ?[0-9]{1,4}\s{1,2}((?:[A-Za-z0-9+/=]{1,64}(?:\r?\n|\\n|$)){1,400})")


def scan(view: View) -> Iterator[Span]:
    """Yield the private keys of a text, armour lines included."""
    if b"-----BEGIN " in view.raw:
        yield from _blocks(view.text)
    if b"Private-Lines:" in view.raw:
        for match in _PUTTY_BODY.finditer(view.text):
            yield Span(match.start(1), match.start(1) + len(match[1].rstrip()), PUTTY)


def _blocks(text: str) -> Iterator[Span]:
    end = _END_LINE.search(text)
    begin = _BEGIN_LINE.search(text)
    while begin:
        following = _BEGIN_LINE.search(text, begin.end())
        if end and end.start() < begin.end():
            end = _END_LINE.search(text, begin.end())
        if end and (following is None or end.start() < following.start()):
            if _BODY.search(text, begin.end(), end.start()):
                yield Span(begin.start(), end.end(), PEM)
        elif (cut := _CUT_BODY.match(text, begin.end())) and _BODY.search(cut[0]):
            yield Span(
                begin.start(),
                begin.start() + len(text[begin.start() : cut.end()].rstrip(" \t\r\n\\\"',+>|")),
                PEM,
            )
        begin = following
