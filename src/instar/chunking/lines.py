"""A text as lines, and how a stretch of lines is cut into windows."""

from bisect import bisect_right
from itertools import accumulate

# Sizes are in characters, so that no boundary depends on a model or its tokens.
TARGET = 1_500  # neighbours are merged up to this: small embedding models read about as much
WHOLE = 2_400  # a function stays whole up to this: it is one thought, and each of two windows would lose half
HARD = 4_000  # no chunk is longer, ever

# A break is looked for between these parts of the wished size: wide enough to meet a blank line in most code.
_EARLIEST, _LATEST = 0.6, 1.3
_LINE_PIECE = 1_500  # a line longer than WHOLE is cut into pieces of about this size
_PIECE_SLACK = 300  # how far back a cut looks for whitespace

# Costs of a break, in columns of indentation.
_MAX_INDENT = 16  # deeper lines are equally bad places
_NO_BLANK = 6  # no blank line before the break
_CLOSING = 12  # the next line only closes a block
_DISTANCE = 12  # a whole wished size away from the wished place

_CLOSERS = (")", "]", "}", "end", "else", "elif", "</", "fi", "done", "esac")


class Lines:
    """The lines of a text, numbered from 0 and separated by line feeds only, as editors and grep count them.

    `starts[i]` is the offset of line `i` in characters; `starts[n]` is one past the end of the text plus its
    (imagined) last line feed, so that the size of lines `a` to `b` is `starts[b + 1] - starts[a] - 1`.
    """

    __slots__ = ("blank", "lines", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        self.blank = [not line or line.isspace() for line in self.lines]

    def __len__(self) -> int:
        return len(self.lines)

    def size(self, first: int, last: int) -> int:
        """Count the characters of the lines `first` to `last`, the line feeds between them included."""
        return self.starts[last + 1] - self.starts[first] - 1

    def slice(self, first: int, last: int) -> str:
        """Return the text of the lines `first` to `last`."""
        return self.text[self.starts[first] : self.starts[last + 1] - 1]

    def trim(self, first: int, last: int) -> tuple[int, int]:
        """Return the stretch without blank lines at its ends; empty (`first > last`) if all are blank."""
        blank = self.blank
        while first <= last and blank[first]:
            first += 1
        while last > first and blank[last]:
            last -= 1
        return first, last


def windows(lines: Lines, first: int, last: int, kept: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
    """Cut the lines `first` to `last` into stretches of similar size, at most about `TARGET` characters each.

    Breaks prefer blank lines and little indentation; before a line in `kept` there is no break if another place
    can be found. Stretches are trimmed of blank lines; one longer than `WHOLE` is a single line.
    """
    found: list[tuple[int, int]] = []
    while True:
        first, last = lines.trim(first, last)
        if first > last:
            return found
        rest = lines.size(first, last)
        if rest <= TARGET or first == last:
            found.append((first, last))
            return found
        wished = rest / -(-rest // TARGET)
        following = _break(lines, first, last, wished, kept)
        found.append(lines.trim(first, following - 1))
        first = following


def _break(lines: Lines, first: int, last: int, wished: float, kept: frozenset[int]) -> int:
    """Find the line before which to break: the cheapest of those that leave a window of the wished size."""
    starts = lines.starts
    origin = starts[first]
    lowest = max(first + 1, bisect_right(starts, origin + wished * _EARLIEST, first, last + 1))
    highest = min(last, bisect_right(starts, origin + wished * _LATEST, first, last + 1) - 1)
    if highest < lowest:
        return max(first + 1, highest)
    best, best_cost = lowest, float("inf")
    for line in range(lowest, highest + 1):
        if lines.blank[line]:
            continue
        text = lines.lines[line]
        stripped = text.lstrip()
        cost = min(len(text) - len(stripped), _MAX_INDENT) + _DISTANCE * abs(starts[line] - origin - wished) / wished
        if not lines.blank[line - 1]:
            cost += _NO_BLANK
        if stripped.startswith(_CLOSERS):
            cost += _CLOSING
        if line in kept:
            cost += 2 * _MAX_INDENT
        if cost < best_cost:
            best, best_cost = line, cost
    return best


def cut_line(text: str) -> list[str]:
    """Cut one long line into pieces, at whitespace where there is any near; none is blank."""
    pieces = []
    at = 0
    while len(text) - at > _LINE_PIECE:
        end = at + _LINE_PIECE
        for place in range(end, end - _PIECE_SLACK, -1):
            if text[place].isspace():
                end = place
                break
        pieces.append(text[at:end])
        at = end
    pieces.append(text[at:])
    return [piece for piece in pieces if not piece.isspace()]
