"""Results of calls in Codex: it writes down only their text, so whether a call went well is told by its form."""

import json
import re
from dataclasses import dataclass

from instar.transcripts.values import block_texts, mapping

HEADER_LINES = 20  # A header has five or six; what goes on is output that looks like one.
_HEADER = re.compile(r"[A-Z][\w ]*:|Process (?:exited|running) with ")
_EXIT = re.compile(r"(?:Process exited with code|Exit code:) (-?\d{1,9})\b")
# How the words begin that Codex puts in the place of an output, which they never follow.
_FAILURE = re.compile(
    r"apply_patch verification failed|patch rejected|(?:Wall time: [^\n]*\n)?aborted by user|exec_command failed for "
    r"|exec command rejected by user|write_stdin failed|failed to parse function arguments|unsupported call"
    r"|execution error"
)
_PATCHED = "Success. Updated the following files"


@dataclass(frozen=True, slots=True)
class Result:
    """An output without its header; `proven` is whether it tells that the call went well."""

    text: str
    failed: bool
    proven: bool


def parsed(output: object) -> Result:
    """Return a result: text, text behind a header, or JSON with the exit code (older); blocks stand for their text."""
    success = mapping(output).get("success")
    content = mapping(output).get("content", output)
    loaded = mapping(loaded_json(content)) if isinstance(content, str) and content.startswith("{") else {}
    if "output" in loaded and "metadata" in loaded:
        text, code = "\n".join(block_texts(loaded["output"])[0]), mapping(loaded["metadata"]).get("exit_code")
    else:
        text, code = _without_header("\n".join(block_texts(content)[0]))
    known = isinstance(code, int)
    failed = success is False or (known and code != 0) or (not known and _FAILURE.match(text) is not None)
    return Result(text, failed, not failed and (success is True or known or text.startswith(_PATCHED)))


def _without_header(text: str) -> tuple[str, int | None]:
    """Return an output without the lines before it, and the exit code they tell, None where they tell none."""
    code: int | None = None
    start = 0
    for _ in range(HEADER_LINES):
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        if line == "Output:":
            return text[start + len("Output:\n") :], code
        if end < 0 or not _HEADER.match(line):
            break
        if told := _EXIT.match(line):
            code = int(told[1])
        start = end + 1
    return text, None


def loaded_json(text: str) -> object:
    """Return the value of JSON in a string, None where it holds none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
