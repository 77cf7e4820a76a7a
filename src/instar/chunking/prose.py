"""Pieces of a document by its headings: Markdown, reStructuredText, AsciiDoc, Org, and the keys of YAML."""

import re
from collections.abc import Callable
from typing import NamedTuple

from instar.chunking.lines import Lines
from instar.chunking.pieces import Piece

_TITLE_LIMIT = 80  # characters of one heading in a section's path

# No pattern here may backtrack over a long line: titles are trimmed outside them.
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t\r]|$)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*\r?$")
_NOT_A_TITLE = re.compile(r"[ \t]*(?:$|[>|]|[-*+][ \t]|\d+[.)][ \t]| {4}|\t)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FRONT_MATTER = re.compile(r"(?:---|\+\+\+)[ \t]*\r?$")
_RULE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*\r?$")
_ASCIIDOC = re.compile(r"(={1,6})[ \t]+(?=\S)")
_ASCIIDOC_BLOCK = re.compile(r"(-{4,}|\.{4,}|={4,}|\+{4,}|/{4,}|\*{4,}|_{4,})[ \t]*\r?$")
_ORG = re.compile(r"(\*+)[ \t]+(?=\S)")
_YAML_KEY = re.compile(r" *([\w./@-]+|\"[^\"]*\"|'[^']*'):(?=\s|$)\s*([^#\s])?")
_YAML_SCALAR = re.compile(r"(?::|-)[ \t]+[|>][-+\d]*[ \t]*\r?$")
_YAML_DEEPEST = 2  # columns; keys further in are details
_ORG_BLOCK = re.compile(r"[ \t]*#\+(begin|end)_", re.IGNORECASE)


class Heading(NamedTuple):
    """A heading that begins at `line` (from 0); level 1 is the highest."""

    line: int
    level: int
    title: str


class Outline(NamedTuple):
    """The headings of a document in order, and the lines before which it should not be cut: code blocks."""

    headings: list[Heading]
    kept: frozenset[int]


def markdown(lines: Lines) -> Outline:
    """ATX and setext headings outside fences and front matter."""
    headings, kept = [], set()
    fence = ""
    for number in range(_after_front_matter(lines), len(lines)):
        text = lines.lines[number]
        opened = _FENCE.match(text)
        if fence:
            kept.add(number)
            closing = opened and opened[1].startswith(fence) and not text[opened.end() :].strip()
            fence = "" if closing else fence
        elif opened:
            fence = opened[1]
        elif text[:4].lstrip().startswith("#") and (found := _ATX.match(text)):
            headings.append(Heading(number, len(found[1]), text[found.end() :].strip().rstrip("#")))
        elif number and (found := _SETEXT.match(text)) and _is_title(lines, number - 1, headings):
            headings.append(Heading(number - 1, 1 if found[1][0] == "=" else 2, lines.lines[number - 1]))
    return Outline(headings, frozenset(kept))


def rst(lines: Lines) -> Outline:
    """Titles with an underline at least as long, perhaps a line above too; levels in order of appearance."""
    headings: list[Heading] = []
    levels: list[tuple[str, bool]] = []
    for number in range(1, len(lines)):
        under, title = lines.lines[number], lines.lines[number - 1].rstrip()
        if not title or not _RULE.match(under) or _RULE.match(title) or len(under.rstrip()) < len(title):
            continue
        over = number > 1 and lines.lines[number - 2].rstrip() == under.rstrip()
        if title[0].isspace() and not over:
            continue
        style = (under[0], over)
        if style not in levels:
            levels.append(style)
        headings.append(Heading(number - 2 if over else number - 1, levels.index(style) + 1, title))
    return Outline(headings, frozenset())


def asciidoc(lines: Lines) -> Outline:
    """`== Title` outside delimited blocks."""
    return _marked(lines, _ASCIIDOC, _ASCIIDOC_BLOCK)


def org(lines: Lines) -> Outline:
    """`** Title` outside `#+begin_` blocks."""
    return _marked(lines, _ORG, _ORG_BLOCK)


def yaml(lines: Lines) -> Outline:
    """Keys that open a block, by indentation; what is inside block scalars is text."""
    headings: list[Heading] = []
    indent = scalar = -1  # of the last heading, and of the line that opened a block scalar
    for number, text in enumerate(lines.lines):
        if lines.blank[number]:
            continue
        column = len(text) - len(text.lstrip(" "))
        if scalar >= 0 and column > scalar:
            continue
        scalar = column if _YAML_SCALAR.search(text) else -1
        found = _YAML_KEY.match(text)
        if found and column <= _YAML_DEEPEST and (column <= indent or not found[2]):
            headings.append(Heading(number, column + 1, found[1].strip("\"'")))
            indent = column
    return Outline(headings, frozenset())


class Style(NamedTuple):
    """How a kind of document is read: its outline, what joins the headings of a path, and several paths."""

    read: Callable[[Lines], Outline]
    separator: str = " > "
    joint: str = "; "


OUTLINES: dict[str, Style] = {
    "asciidoc": Style(asciidoc),
    "markdown": Style(markdown),
    "org": Style(org),
    "rst": Style(rst),
    "yaml": Style(yaml, ".", " "),
}


def sections(lines: Lines, headings: list[Heading], separator: str) -> list[Piece]:
    """One piece for each heading's own text, with the path of headings as symbol; they cover all lines."""
    pieces = []
    path: list[tuple[int, str, int]] = []  # level, title, number of the section
    begin = 0
    for number, heading in enumerate([*headings, Heading(len(lines), 1, "")], 1):
        if heading.line > begin:
            symbol = separator.join(title for _, title, _ in path if title)
            is_header = bool(path) and heading.level > path[-1][0]
            parent = path[-1][2] if is_header else (path[-2][2] if len(path) > 1 else 0)
            pieces.append(Piece(begin, heading.line - 1, symbol, "section", parent, is_header))
            begin = heading.line
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, " ".join(heading.title.strip()[:_TITLE_LIMIT].split()), number))
    return pieces


def _marked(lines: Lines, heading: re.Pattern[str], block: re.Pattern[str]) -> Outline:
    """Headings whose level is the length of their marker, outside blocks that open and close alike."""
    headings, kept = [], set()
    within = ""
    for number, text in enumerate(lines.lines):
        edge = block.match(text)
        if within:
            kept.add(number)
            if edge and (edge[1] == within or edge[1].lower() == "end"):
                within = ""
        elif edge:
            within = edge[1]
        elif found := heading.match(text):
            headings.append(Heading(number, len(found[1]), text[found.end() :]))
    return Outline(headings, frozenset(kept))


def _after_front_matter(lines: Lines) -> int:
    """Find the first line after a YAML or TOML block at the top."""
    opening = _FRONT_MATTER.match(lines.lines[0])
    if opening is None:
        return 0
    mark = lines.lines[0].strip()
    closing = (number for number in range(1, len(lines)) if lines.lines[number].strip() == mark)
    return next(closing, -1) + 1


def _is_title(lines: Lines, number: int, headings: list[Heading]) -> bool:
    """Tell whether a line can be the title above a setext underline."""
    return not _NOT_A_TITLE.match(lines.lines[number]) and not (headings and headings[-1].line >= number)
