"""Values out of JSON that may be anything: each of these takes what it asks for, or the empty value."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

# Colours and cursor movements of a terminal, and NUL, which ends a text in too many places.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x00")
# A run of this many ASCII characters without a space is base64, a minified file or a key, never a word to look for.
_TOKEN = re.compile(r"[!-~]{200,}")
MAX_ID = 200  # Characters of an id or the name of a branch; more is none.
MAX_PATH = 4_096  # What an operating system takes; more is no path.


def mapping(value: object) -> Mapping[str, object]:
    """Return an object of JSON, or an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """Return an array of JSON, or an empty one."""
    return value if isinstance(value, list) else []


def string(value: object) -> str:
    """Return a string that can be stored: without surrogates, colour codes and NUL."""
    if not isinstance(value, str):
        return ""
    if "\x1b" in value or "\x00" in value:
        value = _CONTROL.sub("", value)
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def identifier(value: object) -> str:
    """Return an id or the name of a branch, "" where it is none or longer than `MAX_ID`."""
    text = string(value)
    return text if len(text) <= MAX_ID else ""


def directory(value: object) -> str:
    """Return the path of a folder, "" where it is none or longer than `MAX_PATH`."""
    text = string(value)
    return text if len(text) <= MAX_PATH else ""


def seconds(value: object) -> float | None:
    """Return a time of ISO 8601 (UTC where it names no zone) in seconds since the epoch.

    None where it is none, or lies outside the years 1 to 9999 of UTC, which nobody could show.
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def clip(text: str, limit: int) -> str:
    """Return the text, cut to `limit` characters with an ellipsis as the last, and without endless tokens."""
    # Cut twice, so that only a bounded part is searched for tokens, and dropping some does not leave too little.
    text = _TOKEN.sub("…", text[: 8 * limit]).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def block_texts(content: object) -> tuple[list[str], list[str]]:
    """Return the texts of a content (a string, or blocks of `text`), and the types of the blocks without one."""
    if isinstance(content, str):
        return [string(content)], []
    texts: list[str] = []
    others: list[str] = []
    for block in sequence(content):
        text = block if isinstance(block, str) else mapping(block).get("text")
        if isinstance(text, str):
            texts.append(string(text))
        else:
            others.append(string(mapping(block).get("type")) or "unknown")
    return texts, others
