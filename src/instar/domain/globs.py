"""Path globs, as in .gitignore: `*` stays within a folder, `**` crosses folders, no slash means any folder."""

import re

from instar.errors import UsageError


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a pattern that matches (`fullmatch`) the POSIX paths, relative to a root, that `glob` names.

    A glob that names a folder names everything below it too. Raises `UsageError` for an empty glob.
    """
    body = glob.strip().strip("/")
    if not body:
        raise UsageError("the path glob is empty", "give one such as 'src/**/*.py' or '*.md'")
    anchored = "/" in glob.strip().rstrip("/")
    translated = "".join(_translate(part) for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", body, re.DOTALL))
    return re.compile(("" if anchored else "(?:.*/)?") + translated + "(?:/.*)?", re.DOTALL)


def _translate(part: str) -> str:
    if part == "**/":
        return "(?:.*/)?"
    if part == "**":
        return ".*"
    if part == "*":
        return "[^/]*"
    if part == "?":
        return "[^/]"
    if part.startswith("[") and len(part) > 1:
        inner = part[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return re.escape(part)
