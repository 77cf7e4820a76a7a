"""Replace every secret in a text by `[REDACTED:<kind>]`, without moving a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from instar.redaction import assignments, contexts, keys, tokens
from instar.redaction.spans import MASK, Span, View

# Raised with every change of what is found: a corpus redacted by an older version is read again.
REDACTOR_VERSION = 2

KINDS: tuple[str, ...] = tuple(sorted({*keys.KINDS, *tokens.KINDS, *contexts.KINDS, *assignments.KINDS}))

# In order of precedence: where two scanners claim the same characters, the earlier one names the kind.
_SCANNERS = (keys.scan, tokens.scan, contexts.scan, assignments.scan)

_OPENING = "[REDACTED:"
_PLACEHOLDER = re.compile(r"\[REDACTED:[a-z0-9-]{1,40}\]")
# Everything at which str.splitlines breaks.
_LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret that was replaced.

    kind: its name, one of `KINDS`.
    line: where it began, 1-based; the same line in the original and in the redacted text.
    """

    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text without its secrets, and what was taken out, in order of appearance."""

    text: str
    findings: tuple[Finding, ...]


def redact(text: str) -> Redaction:
    """Replace the secrets in `text`.

    The redacted text has as many lines as the original, and everything but the secrets stands where it stood.
    Redacting it again changes nothing and finds nothing.
    """
    findings: list[Finding] = []
    # A placeholder can uncover a neighbour (two tokens back to back), hence until nothing is left. Each round turns
    # characters into placeholders, which no later round reads, so the rounds end; clean text takes one.
    while spans := _spans(text):
        findings += _findings(text, spans)
        text = _replace(text, spans)
    return Redaction(text, tuple(sorted(findings, key=lambda finding: finding.line)))


def _spans(text: str) -> list[Span]:
    view = _view(text)
    claims = [(span, rank) for rank, scan in enumerate(_SCANNERS) for span in scan(view)]
    claims.sort()
    return list(_merged(claims)) if claims else []


def _view(text: str) -> View:
    if _OPENING in text:
        text = _PLACEHOLDER.sub(lambda match: MASK * len(match[0]), text)
    raw = text.encode("latin-1", "replace")
    return View(text, raw, raw.lower())


def _merged(claims: list[tuple[Span, int]]) -> Iterator[Span]:
    """Join overlapping spans, so that no end of a secret is left standing."""
    current, rank = claims[0]
    for span, span_rank in claims[1:]:
        if span.start >= current.end:
            yield current
            current, rank = span, span_rank
            continue
        kind = current.kind if rank <= span_rank else span.kind
        current, rank = Span(current.start, max(current.end, span.end), kind), min(rank, span_rank)
    yield current


def _findings(text: str, spans: list[Span]) -> Iterator[Finding]:
    line, position = 1, 0
    for span in spans:
        line += text.count("\n", position, span.start)
        position = span.start
        yield Finding(span.kind, line)


def _replace(text: str, spans: list[Span]) -> str:
    pieces, position = [], 0
    for span in spans:
        placeholder = f"{_OPENING}{span.kind}]"
        breaks = "".join(char for char in text[span.start : span.end] if char in _LINE_BREAKS)
        # Of several lines the last gets one too: a text must not end in a line that only its line break shows.
        pieces += [text[position : span.start], placeholder, breaks + placeholder if breaks else ""]
        position = span.end
    return "".join([*pieces, text[position:]])
