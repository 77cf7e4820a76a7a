"""From stretches of lines to chunks: what is too large is cut, small neighbours are merged."""

import re
from typing import NamedTuple

from instar.chunking.lines import HARD, TARGET, WHOLE, Lines, cut_line, windows
from instar.domain.chunks import Chunk

# A stretch this small, in characters, says too little alone. It may join a neighbour of another parent; the lines
# that open a definition (`class Foo {`) go with its first member, and lines outside definitions with what stands
# before them, even where that passes TARGET.
SMALL = 200
_SYMBOL_LIMIT = 200  # characters of a chunk's symbol
_PATH = re.compile(r".*(?:\.| > )")


class Piece(NamedTuple):
    """A stretch of lines (0-based, inclusive) that belongs to one definition, section or gap between them.

    `parent` numbers the definition or section it stands in: neighbours of one parent merge freely. `header` is
    true for the lines that open a definition whose members follow as pieces of their own.
    """

    first: int
    last: int
    symbol: str
    kind: str
    parent: int
    header: bool = False


class _Group(NamedTuple):
    """Consecutive pieces that become one chunk; `kind` is that of the largest, which has `weight` characters."""

    first: int
    last: int
    symbols: tuple[str, ...]
    kind: str
    weight: int
    parent: int
    header: bool


def assemble(lines: Lines, pieces: list[Piece], joint: str, kept: frozenset[int] = frozenset()) -> list[Chunk]:
    """Make chunks of ordered, non-overlapping pieces; `joint` stands between the symbols of a chunk of several.

    Raises nothing; blank pieces are dropped. `kept`: see `windows`.
    """
    groups = _merge(lines, _attach_headers(lines, _fitting(lines, pieces, kept)))
    chunks = []
    for group in groups:
        symbol = _joined(group.symbols, joint)
        if lines.size(group.first, group.last) <= (HARD if group.first < group.last else WHOLE):
            chunks.append(
                Chunk(lines.slice(group.first, group.last), group.first + 1, group.last + 1, symbol, group.kind)
            )
            continue
        number = group.first + 1
        chunks.extend(Chunk(text, number, number, symbol, group.kind) for text in cut_line(lines.lines[group.first]))
    return chunks


def _fitting(lines: Lines, pieces: list[Piece], kept: frozenset[int]) -> list[_Group]:
    """Make trimmed groups of one piece each, none of several lines longer than `WHOLE`."""
    groups = []
    for first, last, symbol, kind, parent, header in pieces:
        start, end = lines.trim(first, last)
        if start > end:
            continue
        symbols = (symbol,) if symbol else ()
        size = lines.size(start, end)
        if size <= WHOLE:
            groups.append(_Group(start, end, symbols, kind, size, parent, header))
            continue
        for one, other in windows(lines, start, end, kept):
            opening = header and one == start
            groups.append(_Group(one, other, symbols, kind, lines.size(one, other), parent, opening))
    return groups


def _attach_headers(lines: Lines, groups: list[_Group]) -> list[_Group]:
    """Join each small header to the member after it."""
    joined: list[_Group] = []
    for group in groups:
        before = joined[-1] if joined else None
        if (
            before
            and before.header
            and before.parent == group.parent
            and before.weight <= SMALL
            and lines.size(before.first, group.last) <= WHOLE
        ):
            joined[-1] = _join(before, group)
        else:
            joined.append(group)
    return joined


def _merge(lines: Lines, groups: list[_Group]) -> list[_Group]:
    """Merge neighbours, from the top of the file down."""
    merged: list[_Group] = []
    for group in groups:
        if merged and _belong(lines, merged[-1], group):
            merged[-1] = _join(merged[-1], group)
        else:
            merged.append(group)
    return merged


def _belong(lines: Lines, before: _Group, group: _Group) -> bool:
    """Tell whether a group goes with the one before it."""
    size = lines.size(before.first, group.last)
    ending = lines.size(group.first, group.last)
    if size > TARGET:
        return size <= WHOLE and ending <= SMALL and group.kind == "module" and not group.header
    return before.parent == group.parent or min(ending, lines.size(before.first, before.last)) <= SMALL


def _join(before: _Group, group: _Group) -> _Group:
    symbols = before.symbols
    if len(symbols) < _SYMBOL_LIMIT // 2:
        symbols += tuple(symbol for symbol in group.symbols if symbol not in symbols)
    larger = before if before.weight >= group.weight else group
    return _Group(before.first, group.last, symbols, larger.kind, larger.weight, group.parent, header=False)


def _joined(symbols: tuple[str, ...], joint: str) -> str:
    """Join as many symbols as fit; where space is short, all but the first go without the path they share."""
    joined = joint.join(symbols)
    if len(joined) <= _SYMBOL_LIMIT:
        return joined
    kept = symbols[0][:_SYMBOL_LIMIT]
    path = _shared_path(symbols) if len(symbols) > 1 else ""
    for symbol in symbols[1:]:
        short = symbol.removeprefix(path)
        if len(kept) + len(joint) + len(short) > _SYMBOL_LIMIT:
            break
        kept += joint + short
    return kept


def _shared_path(symbols: tuple[str, ...]) -> str:
    """Return the path of the second symbol, with its separator, if the first stands in it or is it; else nothing."""
    path = _PATH.match(symbols[1])
    return path[0] if path and f"{symbols[0]}.".startswith(path[0].rstrip(" >")) else ""
