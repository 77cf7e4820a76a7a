"""Patches in the format of `apply_patch`: which files they change, and what they put in."""

from instar.domain.sessions import Action, Touch
from instar.transcripts.paths import touch
from instar.transcripts.values import clip

BEGIN = "*** Begin Patch"
NEW_CHARS = 400  # Of new text: what it is about; the file itself is indexed as a file.
MAX_CHARS = 1_500  # Of a patch over many files.
_HEADERS = {
    "*** Add File: ": Action.WRITE,
    "*** Update File: ": Action.EDIT,
    "*** Delete File: ": Action.EDIT,
    "*** Move to: ": Action.WRITE,
}


def patch(text: str, folder: str) -> tuple[str, tuple[Touch, ...]]:
    """Return the headers of a patch, each with the start of the lines it adds, and the files it touches."""
    parts: list[str] = []
    touches: list[Touch] = []
    new: list[str] = []
    for line in text[text.find(BEGIN) :].split("\n"):
        action = next((action for header, action in _HEADERS.items() if line.startswith(header)), None)
        if action:
            parts += _extract(new)
            new = []
            parts.append(line.removeprefix("*** ").strip())
            touches += touch(folder, line.partition(": ")[2].strip(), action)
        elif line.startswith("+"):
            new.append(line[1:])
    parts += _extract(new)
    return clip("\n".join(parts), MAX_CHARS), tuple(dict.fromkeys(touches))


def _extract(lines: list[str]) -> list[str]:
    text = clip("\n".join(lines), NEW_CHARS)
    return [text] if text else []
