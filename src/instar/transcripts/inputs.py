"""What an agent hands to a tool, without secrets: redacted as a whole, since names and neighbours tell a secret."""

from collections.abc import Callable, Iterator, Mapping

from instar.transcripts.values import mapping, string

Redact = Callable[[str], str]
"""Takes the secrets out of a text and keeps its lines."""

_CLOSED = '"'
DEPTH = 6  # Levels of a value that are kept: a label of an option of a question is on the sixth.


def cleaned(values: Mapping[str, object], redact: Redact) -> Mapping[str, object]:
    """Return the values without secrets and without outer white space in strings; what lies too deep is None."""
    named: list[str] = []

    def note(name: str, text: str) -> str:
        named.append(f"{_opened(name)}{text}{_CLOSED}")
        return text

    whole = _changed("", values, note, DEPTH)
    lines = iter(redact("\n".join(named)).split("\n"))

    def take(name: str, text: str) -> str:
        clean = "\n".join(_next(lines, text.count("\n") + 1 + name.count("\n")))
        return clean.removeprefix(_opened(name)).removesuffix(_CLOSED)

    return mapping(_changed("", whole, take, DEPTH))


def _opened(name: str) -> str:
    """Return what stands before a value: with quotes around it, poorer passwords are told than without."""
    return f'"{name}": "'


def _next(lines: Iterator[str], count: int) -> list[str]:
    return [next(lines) for _ in range(count)]


def _changed(name: str, value: object, change: Callable[[str, str], str], depth: int) -> object:
    """Return a value with every string changed, each with the name it is given to (in a list, that of the list)."""
    if isinstance(value, str):
        return change(name, string(value).strip())
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {key: _changed(string(key), inner, change, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(name, inner, change, depth - 1) for inner in value]
    return value
