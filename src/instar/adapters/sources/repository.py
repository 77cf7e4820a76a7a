"""The git repository around a folder, found without running git."""

from pathlib import Path

_GITDIR = "gitdir:"
# Files of a repository that are read here hold one line or a few rules.
_MAX_BYTES = 1_000_000


def is_working_tree(folder: Path) -> bool:
    """Whether `folder` is the top of a git working tree, main or linked, or of a submodule."""
    return _git_folder(folder) is not None


def enclosing_working_tree(folder: Path) -> Path | None:
    """Return the nearest of `folder` and its parents that is the top of a working tree."""
    return next((place for place in (folder, *folder.parents) if is_working_tree(place)), None)


def repository_name(working_tree: Path) -> str:
    """Return the name of the main working tree that `working_tree` belongs to.

    A linked worktree has the name of the repository it was made from (of the folder, for a bare one, without
    `.git`); a submodule has its own.
    """
    git = _git_folder(working_tree)
    if git is None:
        return ""
    common = _common_folder(git)
    if common == git:
        return working_tree.name
    return common.parent.name if common.name == ".git" else common.name.removesuffix(".git")


def exclude_rules(working_tree: Path) -> bytes:
    """Return the content of `.git/info/exclude`, empty where there is none."""
    git = _git_folder(working_tree)
    return _read(_common_folder(git) / "info" / "exclude") if git is not None else b""


def _git_folder(folder: Path) -> Path | None:
    """Return where the repository of this working tree is kept, None if `folder` is not the top of one."""
    git = folder / ".git"
    try:
        if git.is_file():
            line = _text(git)
            git = folder / line.removeprefix(_GITDIR).strip() if line.startswith(_GITDIR) else folder
        return git if (git / "HEAD").is_file() and git != folder else None
    except (OSError, ValueError):  # no permission, or a link with a NUL in it
        return None


def _common_folder(git: Path) -> Path:
    """Return the folder that all worktrees of a repository share."""
    link = _text(git / "commondir").strip()
    return (git / link).resolve() if link else git


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "surrogateescape")


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError):
        return b""
