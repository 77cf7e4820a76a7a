"""From options to a workspace, and from paths to roots."""

from collections.abc import Sequence
from pathlib import Path

from instar.domain.corpus import Root
from instar.domain.search import Place
from instar.errors import RootMissingError
from instar.settings import load
from instar.wiring import Workspace


def open_workspace(data: Path | None, *, brief: bool = False) -> Workspace:
    """Read the settings and open the data folder they name; see `Workspace` for `brief`."""
    loaded = load(overrides={"data": data})
    return Workspace(
        loaded.settings, brief=brief, model_place=loaded.place("model"), storage_place=loaded.place("storage")
    )


def current_folder() -> Path:
    """Return the current folder; raises `RootMissingError` where it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise RootMissingError("the current folder is not there any more", "change to another folder") from error


def enclosing(path: Path, roots: Sequence[Root]) -> Root | None:
    """Return the innermost root that holds `path` (resolved)."""
    holding = [root for root in roots if path.is_relative_to(root.path)]
    return max(holding, key=lambda root: len(root.path), default=None)


def inside(path: Path, roots: Sequence[Root]) -> list[Root]:
    """Return the roots at or below `path`."""
    return [root for root in roots if Path(root.path).is_relative_to(path)]


def places(paths: Sequence[Path], roots: Sequence[Root], *, whole_roots: bool) -> tuple[Place, ...]:
    """Return what a search over `paths` covers: their part of the root they lie in, and the roots inside it."""
    found: list[Place] = []
    for path in paths:
        root = enclosing(path, roots)
        if root is None:
            continue
        folder = "" if whole_roots else path.relative_to(root.path).as_posix()
        found.append(Place(root.id, "" if folder == "." else folder))
        top = Path(root.path) if whole_roots else path
        found.extend(Place(other.id) for other in inside(top, roots) if other.id != root.id)
    return tuple(dict.fromkeys(found))
