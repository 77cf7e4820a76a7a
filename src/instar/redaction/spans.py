"""What the scanners share: the text as they see it, and the span of a secret."""

from dataclasses import dataclass

# Stands for every character of a placeholder that is already there, so that nothing matches inside or across one.
MASK = "\x00"


@dataclass(frozen=True, slots=True)
class View:
    """One text, prepared for scanning. Offsets in both fields are the same.

    text: the text, existing placeholders masked.
    raw: the text as Latin-1 bytes, one byte a character; what Latin-1 lacks is "?". Bytes translate and
        lower-case quickly and never change their length, which str does not promise.
    folded: `raw`, ASCII letters lower-cased.
    """

    text: str
    raw: bytes
    folded: bytes


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (exclusive) are a secret of this kind."""

    start: int
    end: int
    kind: str
