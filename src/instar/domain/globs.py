"""Path globs, much as in .gitignore: `*` stays within a folder, `**` crosses folders, no slash means any folder."""

import re

from instar.errors import UsageError

_CROSSING = re.compile(r"((?:\*\*/)+|\*\*+)")
_SYMBOL = re.compile(r"\*|\?|\[[^\]]+\]|.", re.DOTALL)


def glob_pattern(glob: str, *, below: bool = True) -> re.Pattern[str]:
    """Return a pattern that matches (`fullmatch`) the POSIX paths, relative to a root, that `glob` names.

    A glob that names a folder names everything below it too, unless `below` is false. Raises `UsageError` for an empty
    or malformed glob.
    """
    body = glob.strip().removeprefix("./").strip("/")
    if ".." in body.split("/"):
        raise UsageError(f"the path glob {glob!r} leaves the root", "globs are relative to the root that is searched")
    if not body:
        raise UsageError("the path glob is empty", "give one such as 'src/**/*.py' or '*.md'")
    anchored = "/" in glob.strip().rstrip("/")  # also by a leading "./" or "/"
    translated = "".join(map(_translate, _CROSSING.split(body)))
    try:
        return re.compile(("" if anchored else "(?:.*/)?") + translated + ("(?:/.*)?" if below else ""), re.DOTALL)
    except re.error as error:
        raise UsageError(f"the glob {glob!r} cannot be read ({error.msg})", "mend what is in brackets") from error


def _translate(part: str) -> str:
    """Translate what crosses folders, or what stands between two such.

    Of several stars in a folder each but the last is atomic: the first fit is as good as any, for the next star takes
    the rest, and trying all of them would take exponential time.
    """
    if part.startswith("**"):
        return "(?:.*/)?" if part.endswith("/") else ".*"
    first, *rest = _between_stars(part)
    if not rest:
        return first
    return first + "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1]) + "[^/]*" + rest[-1]


def _between_stars(part: str) -> list[str]:
    pieces = [""]
    for symbol in _SYMBOL.findall(part):
        if symbol == "*":
            pieces.append("")
        else:
            pieces[-1] += _fixed(symbol)
    return pieces


def _fixed(symbol: str) -> str:
    if symbol == "?":
        return "[^/]"
    if symbol.startswith("[") and len(symbol) > 1:
        inner = symbol[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return re.escape(symbol)
