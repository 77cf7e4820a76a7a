"""Words of code and prose as the lexical index sees them.

`getUserName` gives `getusername get user name`, `retry_delay` gives `retry_delay retry delay`: the whole identifier, so
that naming it exactly counts most, and its parts, so that a question in words finds it. Case, accents and ligatures
are folded.
"""

import re
import unicodedata

TOKENS_VERSION = 2
"""Raised whenever the same text could give other tokens; the lexical index is then rebuilt."""

MAX_TOKEN_CHARACTERS = 64
"""A longer run (base64, hashes, minified names) is no word anybody types."""

_IDENTIFIER = re.compile(r"\w+")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""Finds the parts of an identifier in ASCII: `HTTPAdapter` has `HTTP` and `Adapter`."""
"""Finds the parts of identifiers in ASCII: `HTTPAdapter` has `HTTP` and `Adapter`."""
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae"})  # which Unicode does not take apart


def tokens(text: str) -> str:
    """Return the tokens of `text`, lower case, separated by spaces, in order of appearance."""
    return " ".join([expand(word) for word in identifiers(text)])


def identifiers(text: str) -> list[str]:
    """Return the identifiers and words of `text` as they stand there (accents joined to their letters)."""
    return _IDENTIFIER.findall(text if text.isascii() else unicodedata.normalize("NFC", text))


def expand(word: str) -> str:
    """Return the tokens of one identifier, separated by spaces: the whole and, where it has several, its parts."""
    folded = fold(word)
    if len(folded) > MAX_TOKEN_CHARACTERS:
        return ""
    lowered = folded.lower()
    if lowered.isalpha() and (lowered == folded or folded[1:] == lowered[1:]):
        return lowered
    parts = PARTS.findall(folded) if folded.isascii() else [p for p in folded.split("_") if p]
    whole = lowered.strip("_")
    lowered_parts = [part.lower() for part in parts]
    if lowered_parts == [whole]:
        return whole
    return " ".join([whole, *lowered_parts])


def fold(word: str) -> str:
    """Return a word without accents and ligatures."""
    if word.isascii():
        return word
    if word.isupper():
        word = word.lower()  # else the ligature of a heading in capitals would look like a new part
    decomposed = unicodedata.normalize("NFKD", word.translate(_LIGATURES))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
