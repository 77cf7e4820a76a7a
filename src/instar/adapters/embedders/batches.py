"""A batch of texts at a server: made fit to be sent, divided where one of them is refused, and read back."""

from collections.abc import Callable, Sequence

import numpy as np

from instar.adapters.embedders.http import NotFiniteError, TextsRefusedError, TooLongError, unsound
from instar.ports import Embedded, Matrix

Ask = Callable[[Sequence[str]], Matrix]
"""Returns a row a text, or raises `TextsRefusedError`."""


def sendable(text: str) -> str:
    """Return a text that every server takes: halves of a pair (from names that are no UTF-8) are no Unicode.

    An empty text is refused by OpenAI and has no token for some models: a space stands in for it.
    """
    return text.encode("utf-8", "replace").decode() or " "


def divided(texts: Sequence[str], ask: Ask, too_long: Callable[[str], Embedded], width: int) -> Embedded:
    """Ask for all texts; where they are refused, for each half by itself, down to the texts it is about.

    Of these, one too long is left to `too_long`, and one without a finite vector gets a row of NaN, so that it is
    found out by whoever stores it.
    """
    try:
        return Embedded(ask(texts))
    except TextsRefusedError as refusal:
        if len(texts) == 1:
            return too_long(texts[0]) if isinstance(refusal, TooLongError) else _not_finite(width)
    half = len(texts) // 2
    return joined([divided(part, ask, too_long, width) for part in (texts[:half], texts[half:])])


def joined(parts: Sequence[Embedded]) -> Embedded:
    """Return the parts of a batch as one. Raises `ModelUnsoundError` where their vectors differ in length."""
    starts = np.cumsum([0, *(len(part.vectors) for part in parts)])
    cut = tuple(int(start) + place for start, part in zip(starts, parts, strict=False) for place in part.cut)
    try:
        return Embedded(np.concatenate([part.vectors for part in parts]), cut)
    except ValueError as error:
        raise unsound("a model's server", "vectors of different lengths") from error


def shortened(text: str, ask: Ask, width: int) -> Embedded:
    """Ask for a text, its first half, quarter and so on, until the server takes it; counted as cut."""
    try:
        return Embedded(ask([text]), (0,))
    except NotFiniteError:
        return Embedded(_not_finite(width).vectors, (0,))
    except TooLongError:
        if len(text) < 2:
            raise
    return shortened(text[: len(text) // 2], ask, width)


def _not_finite(width: int) -> Embedded:
    return Embedded(np.full((1, width), np.nan, np.float32))


def as_matrix(rows: object, count: int, where: str) -> Matrix:
    """Return rows of numbers as (count, d). Raises `ModelUnsoundError` where they are no such thing."""
    try:
        with np.errstate(over="ignore"):
            matrix = np.array(rows, np.float32)
    except (TypeError, ValueError) as error:
        raise unsound(where, "what are no vectors of one length") from error
    if matrix.ndim != 2 or len(matrix) != count:
        raise unsound(where, f"vectors of shape {matrix.shape} for {count} texts")
    return matrix
