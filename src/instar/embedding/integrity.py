"""What is wrong with vectors that must not be stored."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instar.domain.models import ModelSpec

NORM_TOLERANCE = 1e-3
"""How far the length of a unit vector may be from 1: float32 rounding stays below 1e-5, float16 below 1e-3."""
NOT_FINITE = "not finite"
ZERO = "zero"
NOT_UNIT = "not of unit length"
REPEATED = "the same as that of another text"
UNREADABLE = "no vector of the right length"

SEEN_CHARACTERS = 300
"""Of a text, so many are within the context of every model, whether or not it says where it cut."""
LEAST_WORDS = 3
# Longer ones, with digits, or of other scripts may be one unknown token to a model.
_WORD = re.compile(r"(?<![a-z0-9])[a-z]{2,20}(?![a-z0-9])")


def faults(vectors: NDArray[np.float32], count: int, spec: ModelSpec) -> dict[int, str]:
    """Return the rows that must not be stored, with the reason; all of them where the shape is wrong."""
    if vectors.shape != (count, spec.stored_dimensions):
        return dict.fromkeys(range(count), UNREADABLE)
    lengths = np.linalg.norm(vectors, axis=1)
    found = {int(i): NOT_FINITE for i in np.flatnonzero(~np.isfinite(vectors).all(axis=1))}
    for i in np.flatnonzero(lengths == 0):
        found.setdefault(int(i), ZERO)
    if spec.normalised:
        for i in np.flatnonzero(np.abs(lengths - 1) > NORM_TOLERANCE):
            found.setdefault(int(i), NOT_UNIT)
    return found


def repeated(vectors: NDArray[np.float32], texts: Sequence[str]) -> dict[int, str]:
    """Return the rows that are the very same for texts that no model takes for one.

    Two texts may well have one vector: brackets alone, scripts of which a model knows nothing, words in another order
    or case, an end beyond the context. So each must begin with some plain words, and they must differ in these, as a
    whole and in the beginning that every model reads.
    """
    rows: defaultdict[bytes, list[int]] = defaultdict(list)
    for i, row in enumerate(vectors):
        rows[row.tobytes()].append(i)
    found: dict[int, str] = {}
    for places in rows.values():
        if len(places) > 1:
            said = {i: (_words(texts[i]), _words(texts[i][:SEEN_CHARACTERS])) for i in places}
            plain = {i: words for i, words in said.items() if words[1].total() >= LEAST_WORDS}
            for i, (whole, begin) in plain.items():
                if any(whole != other and begin != start for other, start in plain.values()):
                    found[i] = REPEATED
    return found


def _words(text: str) -> Counter[str]:
    """Return the plain words of a text and how often each stands there, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return Counter(_WORD.findall(bare))
