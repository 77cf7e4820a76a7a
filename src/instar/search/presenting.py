"""What of an answer is shown: fitted to a token budget, matching lines found."""

from collections.abc import Sequence
from dataclasses import replace

from instar.domain.search import Hit
from instar.domain.tokens import tokens

CHARACTERS_A_TOKEN = 4
"""A rule of thumb for English and code with the tokenizers of current language models."""
SNIPPET_LINES = 7
"""Lines of a hit in a readable list: what fits several hits on a screen."""

COMMON_LENGTH = 3
"""Words up to this length (the, is, a) do not mark a line unless the question has no other."""


def fit(hits: Sequence[Hit], budget: int) -> tuple[Hit, ...]:
    """Keep the best hit of each file (of a session, of each turn), in order, up to `budget` tokens.

    The last one is cut at a line. Tokens are estimated as characters / `CHARACTERS_A_TOKEN`, the citation of a hit
    included.
    """
    left = budget * CHARACTERS_A_TOKEN
    kept: list[Hit] = []
    files: set[tuple[str, str]] = set()
    for hit in hits:
        place = (hit.session.id, hit.session.turn) if hit.session else (hit.root, hit.path)
        if place in files:
            continue
        files.add(place)
        cut = _cut(hit, left - len(hit.path) - len(hit.symbol))
        if cut is None:
            break
        kept.append(replace(cut, rank=len(kept) + 1))
        left -= len(cut.text) + len(hit.path) + len(hit.symbol)
    return tuple(kept)


def _cut(hit: Hit, characters: int) -> Hit | None:
    if len(hit.text) <= characters:
        return hit
    whole = hit.text[: max(characters, 0) + 1].split("\n")[:-1]
    if not whole:
        return None
    end = hit.end_line if hit.session else hit.start_line + len(whole) - 1
    return replace(hit, text="\n".join(whole), end_line=end)


def snippet(hit: Hit, query: str) -> list[tuple[int, str, bool]]:
    """Return (line number, line, whether it holds a word of the query) for the densest part of a hit."""
    words = set(tokens(query).split())
    wanted = {word for word in words if len(word) > COMMON_LENGTH} or words
    lines = hit.text.split("\n")
    matches = [len(wanted.intersection(tokens(line).split())) for line in lines]
    first = max(range(max(1, len(lines) - SNIPPET_LINES + 1)), key=lambda i: (sum(matches[i : i + SNIPPET_LINES]), -i))
    shown = range(first, min(first + SNIPPET_LINES, len(lines)))
    return [(hit.start_line + i, lines[i], matches[i] > 0) for i in shown]
