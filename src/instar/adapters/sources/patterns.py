"""One line of an ignore file, read the way git reads it.

Follows gitignore(5) and the matching rules of git's wildmatch, which compares bytes: lines and paths come
here as latin-1 text, one character for each byte (see `as_bytes_text`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

WILDCARDS = "*?[\\"
_NO_SLASH = "[^/]"
_CLASSES: dict[str, Callable[[str], bool]] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": lambda c: c in " \t",
    "cntrl": lambda c: c < " " or c == "\x7f",
    "digit": str.isdigit,
    "graph": lambda c: "!" <= c <= "~",
    "lower": str.islower,
    "print": lambda c: " " <= c <= "~",
    "punct": lambda c: "!" <= c <= "~" and not c.isalnum(),
    "space": lambda c: c in " \t\n\v\f\r",
    "upper": str.isupper,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One rule; `glob` is matched against the name where `by_name`, else against the relative path."""

    glob: str
    negated: bool
    directory_only: bool
    by_name: bool

    @property
    def literal(self) -> bool:
        """Whether `glob` has no wildcard and no escape."""
        return not any(c in WILDCARDS for c in self.glob)

    @property
    def suffix(self) -> str:
        """What follows the star in a name pattern like `*.log`, "" where the pattern is not of this form."""
        rest = self.glob[1:]
        plain = self.by_name and self.glob.startswith("*") and not any(c in WILDCARDS for c in rest)
        return rest if plain else ""


def as_bytes_text(name: str) -> str:
    """Return `name` (a decoded file name) with one character for each of its bytes."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("latin-1")


def parse_lines(raw: bytes) -> list[IgnorePattern]:
    """Return the rules of an ignore file in order, without comments and blank lines."""
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    patterns = (_parse_line(line) for line in text.split("\n"))
    return [pattern for pattern in patterns if pattern is not None]


def _parse_line(line: str) -> IgnorePattern | None:
    if not line or line.startswith("#"):
        return None
    text = _without_trailing_spaces(line.removesuffix("\r"))
    negated = text.startswith("!")
    text = text[negated:]
    directory_only = text.endswith("/")
    text = text.removesuffix("/")
    by_name = "/" not in text
    glob = text.removeprefix("/")
    return IgnorePattern(glob, negated, directory_only, by_name) if glob else None


def _without_trailing_spaces(line: str) -> str:
    """Drop trailing spaces, but not one that is escaped by a backslash."""
    bare = line.rstrip(" ")
    if len(bare) == len(line):
        return line
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 else bare


def to_regex(pattern: IgnorePattern) -> str | None:
    """Return a regular expression without groups for `re.fullmatch`, None if nothing can match."""
    glob = pattern.glob
    fixed = next((i for i, c in enumerate(glob) if c in WILDCARDS), len(glob))
    if pattern.by_name:
        fixed = 0
    # git compares the part before the first wildcard as text and matches the rest on its own; a `**` that
    # follows it therefore stands at a start, whatever precedes.
    try:
        return re.escape(glob[:fixed]) + _translate(glob[fixed:])
    except _MatchesNothingError:
        return None


class _Kind(Enum):
    """A part of a glob: of fixed length, a star inside a path component, or stars across components."""

    FIXED = auto()
    STAR = auto()
    CROSSING = auto()


class _MatchesNothingError(Exception):
    """The pattern is malformed, and git never matches it."""


def _translate(glob: str) -> str:
    """Translate a glob, cut at every `**` that crosses slashes, so that no text makes the match slow.

    Between two such, the first place where a part fits is as good as any later one: what follows may skip the
    rest. The same holds for two stars inside one path component. Each part but the last is therefore atomic,
    and matching takes no more than quadratic time, however many stars a hostile ignore file has.
    """
    regex = crossing = fixed = ""
    stars: list[str] = []
    i = 0
    while i < len(glob):
        kind, part, i = _token(glob, i)
        if kind is _Kind.FIXED:
            fixed += part
            continue
        stars.append(fixed)
        fixed = ""
        if kind is _Kind.CROSSING:
            regex += f"(?>{crossing}{_component(stars)})"
            crossing, stars = part, []
    return regex + crossing + _component([*stars, fixed])


def _component(fixed: list[str]) -> str:
    """Join regular expressions that stand around single stars."""
    first, *rest = fixed
    if not rest:
        return first
    middle = "".join(f"(?>{_NO_SLASH}*?{part})" for part in rest[:-1])
    return f"{first}{middle}{_NO_SLASH}*{rest[-1]}"


def _token(glob: str, i: int) -> tuple["_Kind", str, int]:
    """Translate what stands at `i`; return its kind, its regular expression and the position after it."""
    char = glob[i]
    if char == "*":
        return _stars(glob, i)
    if char == "?":
        return _Kind.FIXED, _NO_SLASH, i + 1
    if char == "[":
        return _Kind.FIXED, *_bracket(glob, i + 1)
    if char == "\\":
        return _Kind.FIXED, re.escape(_char(glob, i + 1)), i + 2
    return _Kind.FIXED, re.escape(char), i + 1


def _stars(glob: str, start: int) -> tuple["_Kind", str, int]:
    """Translate the run of stars at `start`; several cross slashes where they are a whole component."""
    end = start
    while glob[end : end + 1] == "*":
        end += 1
    whole = end - start > 1 and (start == 0 or glob[start - 1] == "/")
    if whole and glob[end : end + 1] == "/":
        return _Kind.CROSSING, "(?:.*?/)??", end + 1
    if whole and (end == len(glob) or glob[end : end + 2] == "\\/"):
        return _Kind.CROSSING, ".*?", end
    return _Kind.STAR, "", end


def _char(glob: str, i: int) -> str:
    if i >= len(glob):
        raise _MatchesNothingError
    return glob[i]


def _bracket(glob: str, start: int) -> tuple[str, int]:
    """Translate the bracket expression opened before `start`; return the position after it as well."""
    i = start
    negated = _char(glob, i) in "!^"
    i += negated
    members: set[str] = set()
    previous = ""
    first = True
    while first or _char(glob, i) != "]":
        first = False
        i, previous = _member(glob, i, previous, members)
    chosen = {c for c in map(chr, range(256)) if (c in members) != negated and c != "/"}
    return ("[" + "".join(re.escape(c) for c in sorted(chosen)) + "]" if chosen else "(?!)"), i + 1


def _member(glob: str, i: int, previous: str, members: set[str]) -> tuple[int, str]:
    """Add a character, a range or a class; return the next position and what may start a range."""
    char = _char(glob, i)
    following = glob[i + 1 : i + 2]
    if char == "-" and previous and following and following != "]":
        i += 1 + (following == "\\")
        last = _char(glob, i)
        members.update(map(chr, range(ord(previous), ord(last) + 1)))
        return i + 1, ""
    if char == "[" and following == ":":
        end = glob.find("]", i + 2)
        if end < 0:
            raise _MatchesNothingError
        if end > i + 2 and glob[end - 1] == ":":
            members.update(_class_members(glob[i + 2 : end - 1]))
            return end + 1, ""
    if char == "\\":
        i += 1
        char = _char(glob, i)
    members.add(char)
    return i + 1, char


def _class_members(name: str) -> set[str]:
    if name not in _CLASSES:
        raise _MatchesNothingError
    belongs = _CLASSES[name]
    return {c for c in map(chr, range(128)) if belongs(c)}
