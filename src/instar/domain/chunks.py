"""What is retrieved: a piece of a document."""

from dataclasses import dataclass
from typing import Final

TURN: Final = "turn"
TOOL_RUN: Final = "tools"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous run of lines of one document.

    `text` is what is embedded and shown; it holds the lines `start_line` to `end_line` (1-based, inclusive) of the
    document, or a part of one line where a single line is too long. `symbol` is the dotted path of the definition
    the chunk belongs to (`Session.send`, or the headings of a section: `Install > Linux`), empty where there is
    none; a chunk of several small definitions names them, separated by a space (sections by `; `), in at most 200
    characters.

    `kind` says what most of the chunk is: `function`; `class` (any type); `section` (under a heading of a
    document, or a key of a configuration file); `module` (lines outside definitions, a namespace); `window` (lines
    cut without knowledge of their syntax); `turn` (words in a session) and `tools` (a run of tool calls there), for
    which `turn` is the turn's id and the lines are those of its records in the transcript.
    """

    text: str
    start_line: int
    end_line: int
    symbol: str = ""
    kind: str = "window"
    turn: str = ""
