"""What an agent hands to a tool, without secrets: redacted as a whole, since names and neighbours tell a secret."""

import re
from collections.abc import Callable, Mapping

from instar.transcripts.values import mapping, string

Redact = Callable[[str], str]
"""Takes the secrets out of a text and keeps its lines."""

_SEVERAL_WORDS = re.compile(r"[\s\"]")
DEPTH = 6  # Levels of a value that are kept: a label of an option of a question is on the sixth.


def cleaned(values: Mapping[str, object], redact: Redact) -> Mapping[str, object]:
    """Return the values without secrets and without outer white space in strings; what lies too deep is None."""
    named: list[str] = []

    def note(name: str, text: str) -> str:
        text = string(text).strip()
        before, behind = _around(name, text)
        named.append(f"{before}{text}{behind}")
        return text

    whole = _changed("", values, note, DEPTH)
    lines = iter(redact("\n".join(named)).split("\n"))

    def take(name: str, text: str) -> str:
        before, behind = _around(name, text)
        clean = "\n".join(next(lines) for _ in f"{before}{text}".split("\n"))
        return clean.removeprefix(before).removesuffix(behind)

    return mapping(_changed("", whole, take, DEPTH))


def _around(name: str, text: str) -> tuple[str, str]:
    """Return what stands before and behind a value: a word in quotes may be a poor password, too."""
    return (f"{name}: ", "") if _SEVERAL_WORDS.search(text) else (f'"{name}": "', '"')


def _changed(name: str, value: object, change: Callable[[str, str], str], depth: int) -> object:
    """Return a value with every string changed, each with the name it is given to (in a list, that of the list)."""
    if isinstance(value, str):
        return change(name, value)
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {key: _changed(string(key), inner, change, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(name, inner, change, depth - 1) for inner in value]
    return value
