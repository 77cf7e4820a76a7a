"""Text to chunks: by syntax, by headings, or by lines."""

import re

from instar.chunking.lines import WHOLE, Lines
from instar.chunking.pieces import Piece, assemble
from instar.chunking.prose import OUTLINES, sections
from instar.domain.chunks import Chunk

CHUNKER_VERSION = 1  # raised whenever the same text could give other chunks

_CPP = re.compile(r"^[ \t]*(?:class|namespace|template)\b[^;{<]{0,200}[{<]", re.MULTILINE)


def chunk(text: str, language: str | None) -> list[Chunk]:
    """Cut a text into chunks; every line that is not blank is in some chunk, in order and without overlap.

    `language` is one of `detect_language`; with None, an unknown name or a missing grammar the text is cut by
    lines. No chunk is longer than 4,000 characters. A chunk holds whole lines, separated by line feeds only; a
    line of more than 2,400 characters is cut into pieces that all carry its number. Where several definitions
    share a chunk, its symbol names as many as fit, separated by a space (headings by a semicolon and a space).
    The result depends on the arguments alone. Raises nothing.
    """
    lines = Lines(text)
    if language and language in OUTLINES:
        style = OUTLINES[language]
        outline = style.read(lines)
        return assemble(lines, sections(lines, outline.headings, style.separator), style.joint, outline.kept)
    pieces = _by_syntax(lines, language) if language else None
    return assemble(lines, pieces or [Piece(0, len(lines) - 1, "", "window", 0)], " ")


def _by_syntax(lines: Lines, language: str) -> list[Piece] | None:
    """Return pieces by the syntax tree; None if there is no grammar, no tree, or too much text for one."""
    from instar.chunking.grammars import GRAMMARS, load
    from instar.chunking.syntax import parse, pieces_of

    if language not in GRAMMARS:
        return None
    name = "cpp" if language == "c" and _CPP.search(lines.text) else language  # `.h` may be either
    parser_language = load(name)
    source = _parsed_text(lines)
    if parser_language is None or len(source) > GRAMMARS[name].limit:
        return None
    root = parse(parser_language, source)
    return pieces_of(root, source, lines, GRAMMARS[name]) if root else None


def _parsed_text(lines: Lines) -> bytes:
    """Return the text for the parser: the same lines, without what parsers stumble over.

    Lines that will be cut into pieces are left out: parsing machine-made text is slow, and names in it help nobody.
    A NUL ends the text for some grammars; lone surrogates have no UTF-8.
    """
    text = lines.text
    if max(map(len, lines.lines)) > WHOLE:
        text = "\n".join("" if len(line) > WHOLE else line for line in lines.lines)
    return text.replace("\0", " ").encode("utf-8", "replace")
