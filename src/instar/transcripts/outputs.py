"""What a person would search for in the output of a tool: its errors and the files it names."""

import re
from enum import Enum

from instar.transcripts.values import clip

OUTPUT_CHARS = 600  # Of the output of a call: a few lines; the rest repeats files or is of the moment.
PROSE_CHARS = 1_500  # Of a prompt to a sub-agent, its answer or a plan: the gist; a sub-agent has its own transcript.
LINE_CHARS = 200
MAX_LINES = 6
MAX_PATHS = 8
SEARCHED_CHARS = 100_000  # Of a longer output the ends are searched: errors stand where a run begins or stops.

# Looked for in lower case: plain searches are ten times as fast as one pattern.
_ERRORS = (
    *("error", "exception", "failed", "failure", "fatal", "denied", "not found", "no such", "panic", "warning"),
    *("cannot", "can't", "unable to", "refused", "timed out", "undefined", "unresolved", "segmentation fault", "abort"),
)
_NO_ERROR = re.compile(r"\b(?:0|no) (?:\w+ )?(?:error|failure|failed|warning)|Traceback \(most recent", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w:/.@~+-])(?:[\w.@~+-]+|(?=/))(?:/[\w.@+-]+)+(?::\d+)?")
_REJECTED = re.compile(r"The user doesn't want to .*?(?:the user said:\s*(.*)|$)", re.DOTALL)


class Output(Enum):
    """What is kept of the output of a call that went well (and of one that failed, but for `SILENT`)."""

    NOTHING = "nothing"
    ERRORS = "lines that look like errors, and paths"
    START = "the first lines"
    PROSE = "the first words, at length"
    SILENT = "nothing, not even an error"


def keeps(kept: Output, *, failed: bool) -> bool:
    """Return whether anything may be kept of an output."""
    return kept is not Output.SILENT and (failed or kept is not Output.NOTHING)


def excerpt(output: str, kept: Output, *, failed: bool) -> str:
    """Return what is kept of an output, at most `PROSE_CHARS` for prose and `OUTPUT_CHARS` for anything else."""
    if failed:
        return _failure(output)
    if kept is Output.ERRORS:
        return "\n".join(filter(None, (_errors(output), _paths(output))))
    return clip(output, PROSE_CHARS if kept is Output.PROSE else OUTPUT_CHARS)


def _failure(output: str) -> str:
    """Return a short message whole, of a long one its errors, else its end."""
    output = output.strip()
    if rejected := _REJECTED.match(output):
        return clip(f"rejected by the user: {rejected[1] or ''}".rstrip(" :"), OUTPUT_CHARS)
    if len(output) <= OUTPUT_CHARS:
        return clip(output, OUTPUT_CHARS)
    return _errors(output) or clip(output[-OUTPUT_CHARS:], OUTPUT_CHARS)


def _searched(output: str) -> str:
    half = SEARCHED_CHARS // 2
    return output if len(output) <= SEARCHED_CHARS else f"{output[:half]}\n{output[-half:]}"


def _tells_error(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _ERRORS)


def _errors(output: str) -> str:
    """Return the lines that look like errors: of many the first and, as a run ends with what counts, the last."""
    text = _searched(output)
    if not _tells_error(text):
        return ""
    lines = [line for line in text.split("\n") if _tells_error(line) and not _NO_ERROR.search(line)]
    unlike = list(dict.fromkeys(clip(line, LINE_CHARS) for line in lines))
    half = MAX_LINES // 2
    kept = unlike if len(unlike) <= MAX_LINES else [*unlike[:half], *unlike[-half:]]
    return clip("\n".join(kept), OUTPUT_CHARS * 2 // 3)


def _paths(output: str) -> str:
    paths: dict[str, None] = {}
    for found in _PATH.finditer(_searched(output)):
        paths[found[0]] = None
        if len(paths) == MAX_PATHS:
            break
    return clip(" ".join(paths), OUTPUT_CHARS // 3)
