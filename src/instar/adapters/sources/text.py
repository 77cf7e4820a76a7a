"""From the bytes of a file to its text, or to the reason why it has none worth searching."""

import codecs
import re
from hashlib import blake2b

from instar.domain.sources import BINARY, EMPTY, ENCODING, GENERATED, MINIFIED

# Bytes looked at to tell a binary file, as git and grep do: formats show themselves in their header.
_HEAD_BYTES = 8_192
# Control characters that text may hold: tab, line feed, form feed, carriage return, backspace and escape
# (terminal logs).
_TEXT_CONTROLS = b"\t\n\f\r\b\x1b"
_CONTROLS = bytes(code for code in range(32) if code not in _TEXT_CONTROLS) + b"\x7f"
# Compressed data hold about one control byte in ten; text with a stray one is still text.
_MAX_CONTROL_SHARE = 0.02
# Latin-1 text in a European language has up to one accented letter in ten; Cyrillic or Asian text in a legacy
# encoding is nearly all undecodable and would be a row of replacement characters.
_MAX_REPLACED_SHARE = 0.3
# Mean characters a line above which no person wrote the lines; see `_minified`.
_MINIFIED_LINE_LENGTH = 500
# Below this a file in one line (a small JSON document) costs a chunk or two and does no harm.
_MINIFIED_MIN_LENGTH = 5_000
# Written text breaks at blanks about every six characters, minified code about every forty.
_PROSE_BLANK_SHARE = 0.1
# Encodings by byte order mark; UTF-32 first, since its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNDECODABLE = re.compile("[\udc80-\udcff]")
# The comment a file opens with, and what generators write in it: the forms of Go, protobuf, Bazel, Thrift,
# Meta. Further down the same words may stand in the text of a generator itself.
_COMMENT = r"[ \t]*(?://|/?\*|#|--|;|<!--|<\?)[^\n]*"
_OPENING = re.compile(rf"(?:(?:{_COMMENT})?[ \t]*\r?\n)*(?:{_COMMENT})?")
_GENERATED = re.compile(r"@generated\b|\bgenerated\b[^\n]*\bdo not (?:edit|modify)\b", re.IGNORECASE)
# Long enough for a licence before the note.
_OPENING_LENGTH = 2_048


def content_hash(raw: bytes) -> bytes:
    """Return the 16-byte BLAKE2b of the bytes."""
    return blake2b(raw, digest_size=16).digest()


def reason_against_bytes(raw: bytes) -> str:
    """Return why the bytes of a file are no text, "" if they may be."""
    if not raw:
        return EMPTY
    return "" if _marked_encoding(raw) is not None or not _binary(raw[:_HEAD_BYTES]) else BINARY


def decode(raw: bytes) -> tuple[str, int]:
    """Return the text and how many bytes (code units in UTF-16 and UTF-32) were replaced by U+FFFD."""
    marked = _marked_encoding(raw)
    if marked is None:
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        return _UNDECODABLE.subn("\ufffd", text)
    mark, encoding = marked
    body = raw[len(mark) :]
    try:
        return body.decode(encoding), 0
    except UnicodeDecodeError:
        text = body.decode(encoding, "replace")
        return text, text.count("\ufffd")


def reason_against_text(text: str, replaced: int) -> str:
    """Return why a decoded text is not worth searching, "" if it is; `replaced` as `decode` counts it."""
    if replaced > _MAX_REPLACED_SHARE * len(text):
        return ENCODING
    if _minified(text):
        return MINIFIED
    return GENERATED if _generated(text[:_OPENING_LENGTH]) else ""


def _marked_encoding(raw: bytes) -> tuple[bytes, str] | None:
    return next((pair for pair in _MARKS if raw.startswith(pair[0])), None)


def _binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in head or controls > _MAX_CONTROL_SHARE * len(head)


def _minified(text: str) -> bool:
    """Whether the lines are too long, and too dense, to have been written by a person.

    Prose may stand in one line a paragraph, so long lines with blanks like prose's are text.
    """
    lines = text.count("\n") + 1
    long_lines = len(text) >= _MINIFIED_MIN_LENGTH and len(text) > _MINIFIED_LINE_LENGTH * lines
    return long_lines and text.count(" ") < _PROSE_BLANK_SHARE * len(text)


def _generated(head: str) -> bool:
    opening = _OPENING.match(head)
    return opening is not None and _GENERATED.search(opening[0]) is not None
