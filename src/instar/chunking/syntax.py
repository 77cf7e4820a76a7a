"""Pieces of a source text by its syntax tree.

The walk looks only where it must: a definition that fits is not entered, and a statement is entered only when
it is large. Lines that belong to no definition become gaps, so every line is in some piece whatever the parser
made of it.
"""

from tree_sitter import Language, Node, Parser

from instar.chunking.grammars import Grammar
from instar.chunking.lines import TARGET, WHOLE, Lines
from instar.chunking.pieces import SMALL, Piece

_ENTER = 1_000  # bytes; a node that is no definition is searched for definitions from this size on
_DEPTH = 64  # levels the walk goes down; what lies deeper is cut by lines
_READ = 65_536  # bytes handed to the parser at a time
_SEPARATOR = "."
_LIMITS = {"function": WHOLE}  # a class or section has seams to split at: TARGET

# The parser asks about every hundred steps whether to go on. Real code takes one question for 60 to 250 bytes; a
# parser lost in recovering from errors takes many more, and then needs time and memory that grow with the square of
# the text (gigabytes for 20 kB). A count, not a clock, stops it at the same place on every machine. Of 29,000 files
# of 24 languages it stops ten, most of them tables.
_QUESTIONS = 10
_BYTES_PER_QUESTION = 50


def parse(language: Language, source: bytes) -> Node | None:
    """Return the root of the syntax tree of `source` (UTF-8), or None if the parser gave up."""
    asked = 0

    def stop(offset: int, *_: object) -> bool:
        nonlocal asked
        asked += 1
        return asked > _QUESTIONS + offset // _BYTES_PER_QUESTION

    try:
        tree = Parser(language).parse(lambda at, _: source[at : at + _READ], progress_callback=stop)
    except ValueError:
        return None
    return tree.root_node


def pieces_of(root: Node, source: bytes, lines: Lines, grammar: Grammar) -> list[Piece]:
    """Return pieces that cover all lines, in order."""
    walk = _Walk(source, lines, grammar)
    walk.enter(root, "", "module", 0, 0)
    walk.gap(len(lines) - 1, "", "module", 0)
    return walk.pieces


class _Walk:
    """One walk: `line` is the first line not yet in a piece, `lead` where the comments above begin."""

    __slots__ = ("grammar", "lead", "lead_end", "line", "lines", "parents", "pieces", "source")

    def __init__(self, source: bytes, lines: Lines, grammar: Grammar) -> None:
        self.source = source
        self.lines = lines
        self.grammar = grammar
        self.pieces: list[Piece] = []
        self.parents = 0
        self.line = 0
        self.lead = self.lead_end = -2

    def enter(self, node: Node, path: str, kind: str, parent: int, depth: int) -> None:
        """Find the definitions among the children of `node`."""
        grammar = self.grammar
        for child in node.named_children:
            type_ = child.type
            if type_ in grammar.leads:
                self._note_lead(child)
                continue
            rule = grammar.definitions.get(type_)
            named = rule(child, self.source) if rule else None
            if named:
                self._define(child, named, path, kind, parent, depth)
            elif depth < _DEPTH and self._worth_entering(child, type_):
                self.enter(child, path, kind, parent, depth + 1)
                continue  # what opens the inner node may still be the lead of what follows
            self.lead = self.lead_end = -2

    def gap(self, last: int, path: str, kind: str, parent: int, *, header: bool = False) -> None:
        """Put the lines up to `last` that no definition took into a piece."""
        if self.line <= last:
            self.pieces.append(Piece(self.line, last, path, kind, parent, header))
            self.line = last + 1

    def _worth_entering(self, node: Node, type_: str) -> bool:
        if type_ in self.grammar.transparent:
            if self.lead_end + 1 < node.start_point.row:
                self.lead = self.lead_end = node.start_point.row
            return True
        return node.end_byte - node.start_byte > _ENTER and node.end_point.row >= self.line

    def _note_lead(self, node: Node) -> None:
        """Remember where the comments and attributes directly above the next definition begin."""
        row, column = node.start_point
        if self.lead_end + 1 < row:
            at = node.start_byte
            if column and not self.source[at - column : at].isspace():
                return  # a comment behind code belongs to that line
            self.lead = row
        self.lead_end = _last_row(node)

    def _define(self, node: Node, named: tuple[str, str], path: str, outer: str, parent: int, depth: int) -> None:
        kind, name = named
        first, last = node.start_point.row, _last_row(node)
        if last < self.line:
            return
        if self.lead_end + 1 >= first:
            first = min(first, self.lead)
        first = max(first, self.line)
        symbol = f"{path}{_SEPARATOR}{name}" if path else name
        if self._continues(first, last, symbol, parent):
            self.pieces[-1] = self.pieces[-1]._replace(last=last)
            self.line = last + 1
            return
        self.gap(first - 1, path, outer, parent)
        if first == last or depth >= _DEPTH or self.lines.size(first, last) <= _LIMITS.get(kind, TARGET):
            self.pieces.append(Piece(first, last, symbol, kind, parent))
            self.line = last + 1
        else:
            self._open(node, symbol, kind, last, depth)

    def _continues(self, first: int, last: int, symbol: str, parent: int) -> bool:
        """Whether this is one more equation, clause or overload of the definition just before."""
        before = self.pieces[-1] if self.pieces else None
        return (
            before is not None
            and before.symbol == symbol
            and before.parent == parent
            and all(self.lines.blank[before.last + 1 : first])
            and self.lines.size(before.first, last) <= _LIMITS.get(before.kind, TARGET)
        )

    def _open(self, node: Node, symbol: str, kind: str, last: int, depth: int) -> None:
        """Split a large definition at its members."""
        self.parents += 1
        inside = self.parents
        begun = len(self.pieces)
        self.lead = self.lead_end = -2
        self.enter(node, symbol, kind, inside, depth + 1)
        if len(self.pieces) > begun:
            opening = self.pieces[begun]
            self.pieces[begun] = opening._replace(header=opening.symbol == symbol and opening.parent == inside)
            self._close(last)
        self.gap(last, symbol, kind, inside)

    def _close(self, last: int) -> None:
        """Give the few lines that close a definition to its last member."""
        before = self.pieces[-1]
        if self.line > last or self.lines.size(self.line, last) > SMALL:
            return
        if not self.lines.size(before.first, before.last) <= WHOLE < self.lines.size(before.first, last):
            self.pieces[-1] = before._replace(last=last)
            self.line = last + 1


def _last_row(node: Node) -> int:
    """Return the last row a node has text in: one that ends at column 0 took the line feed with it."""
    row, column = node.end_point
    return row - 1 if column == 0 and row > node.start_point.row else row
