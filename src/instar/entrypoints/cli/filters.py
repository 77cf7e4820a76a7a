"""The filters of a search: what cannot be asked for."""

from instar.domain.globs import glob_pattern
from instar.errors import UsageError


def check_project(named: str) -> None:
    """Raise `UsageError` where the value of --project is empty or malformed: it is a folder's name or a glob."""
    if not named.strip().strip("/"):
        raise UsageError("--project is empty", "give the name of a folder, or a glob over it such as '**/shop-*'")
    if ".." in named.split("/"):
        raise UsageError(f"--project {named!r} names no folder", "write it in full, or a glob such as '**/shop-*'")
    glob_pattern(named)
