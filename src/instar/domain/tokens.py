"""Words of code and prose as the lexical index sees them.

`getUserName` gives `getusername get user name`, `retry_delay` gives `retry_delay retry delay`: the whole identifier, so
that naming it exactly counts most, and its parts, so that a question in words finds it. Case and accents are folded.
"""

import re
import unicodedata
from functools import lru_cache

TOKENS_VERSION = 1
"""Raised whenever the same text could give other tokens; the lexical index is then rebuilt."""

MAX_TOKEN_CHARACTERS = 64
"""A longer run (base64, hashes, minified names) is no word anybody types."""

_IDENTIFIER = re.compile(r"\w+")
_ASCII_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_CACHED_IDENTIFIERS = 1 << 17  # the distinct identifiers of a large repository; about 20 MB when full


def tokens(text: str) -> str:
    """Return the tokens of `text`, lower case, separated by spaces, in order of appearance."""
    return " ".join([_expand(word) for word in _IDENTIFIER.findall(text)])


@lru_cache(_CACHED_IDENTIFIERS)
def _expand(word: str) -> str:
    folded = word if word.isascii() else _fold(word)
    if len(folded) > MAX_TOKEN_CHARACTERS:
        return ""
    lowered = folded.lower()
    if lowered.isalpha() and (lowered == folded or folded[1:] == lowered[1:]):
        return lowered
    parts = _ASCII_PARTS.findall(folded) if folded.isascii() else [p for p in folded.split("_") if p]
    whole = lowered.strip("_")
    lowered_parts = [part.lower() for part in parts]
    if lowered_parts == [whole]:
        return whole
    return " ".join([whole, *lowered_parts])


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
