"""One table of a TOML file replaced or removed, every other line as it was; the standard library only reads TOML."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from instar.errors import SettingError

Scalar = str | int | float | bool


def with_table(text: str, name: str, values: Mapping[str, Scalar | Mapping[str, Scalar]] | None) -> str:
    """Return the content of a file with the table `name` as given, at the end; without it where `values` is None.

    Raises `SettingError` where the rest would not stay what it is, as with a table's name inside a long string.
    """
    kept = "".join(line for owner, line in _owned(text) if owner != name).rstrip()
    above = f"{kept}\n" if kept else ""
    written = above if values is None else f"{above}\n[{_quoted(name)}]\n{_lines(values)}".lstrip("\n")
    wanted = {key: value for key, value in tomllib.loads(text).items() if key != name}
    if values is not None:
        wanted[name] = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    try:
        same = tomllib.loads(written) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise SettingError(f"the table {name!r} cannot be changed among what stands around it", "edit the file by hand")
    return written


def _owned(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line with the name of the table it belongs to; comments above a table belong to none."""
    owner = ""
    between: list[str] = []
    for line in text.splitlines(keepends=True):
        if not line.strip() or line.lstrip().startswith("#"):
            between.append(line)
            continue
        opened = _opened(line)
        yield from (("" if opened else owner, kept) for kept in between)
        between.clear()
        owner = opened or owner
        yield owner, line
    yield from (("", kept) for kept in between)


def _opened(line: str) -> str:
    """Return the name of the outermost table a line opens, "" where it opens none."""
    if not line.lstrip().startswith("["):
        return ""
    try:
        opened: dict[str, Any] = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ""
    return next(iter(opened), "")


def _lines(values: Mapping[str, Scalar | Mapping[str, Scalar]]) -> str:
    return "".join(f"{key} = {_written(value)}\n" for key, value in values.items())


def _written(value: Scalar | Mapping[str, Scalar]) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quoted(key)} = {_written(item)}" for key, item in value.items()) + " }"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return a basic string: JSON's, whose escapes TOML shares, but for one character it wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
