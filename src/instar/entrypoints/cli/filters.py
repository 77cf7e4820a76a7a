"""The filters of a search: which cannot be asked for together, and why nothing fits."""

from collections.abc import Sequence
from dataclasses import replace

from instar.domain.corpus import Root, SourceKind
from instar.domain.globs import glob_pattern
from instar.domain.search import Scope
from instar.errors import UsageError
from instar.wiring import Workspace

_OF_SESSIONS = ("project", "session", "branch", "role", "since", "until")
_OPTIONS = {"project": "project", "branch": "branch", "repository": "repo", "language": "language"}
"""Fields of a scope whose values are easily mistyped, and their options."""


def check_project(named: str) -> None:
    """Raise `UsageError` where the value of --project is empty or malformed: it is a folder's name or a glob."""
    if not named.strip().strip("/"):
        raise UsageError("--project is empty", "give the name of a folder, or a glob over it such as '**/shop-*'")
    if ".." in named.split("/"):
        raise UsageError(f"--project {named!r} names no folder", "write it in full, or a glob such as '**/shop-*'")
    glob_pattern(named)


def check_together(scope: Scope) -> None:
    """Raise `UsageError` for filters that contradict each other."""
    asked = _asked_of_sessions(scope)
    if asked and scope.source in (SourceKind.CODE, SourceKind.DOCS):
        raise UsageError(f"--{asked[0]} asks for sessions, --source {scope.source} for files", "leave out one of them")
    if scope.since is not None and scope.until is not None and scope.since >= scope.until:
        raise UsageError("--since is not before --until, so no turn lies between them", "exchange them, or change one")


def why_nothing_fits(workspace: Workspace, scope: Scope, covered: Sequence[Root]) -> str | None:
    """Return why no document of the roots `covered` lies in `scope`, None where one does, or nothing is narrowed."""
    if (scope.source == SourceKind.SESSIONS or _asked_of_sessions(scope)) and not any(r.sessions for r in covered):
        return "no sessions are read for this folder: `instar index --sessions` reads them"
    narrowed = replace(scope, places=None) != Scope() or scope.narrows_documents
    if not narrowed or workspace.holds(scope):
        return None
    alone = (name for name in _OPTIONS if getattr(scope, name) is not None and not _fits_alone(workspace, scope, name))
    return next(
        (f"no document that is indexed fits --{_OPTIONS[name]} {getattr(scope, name)}" for name in alone),
        "no document that is indexed fits the path and the filters",
    )


def _fits_alone(workspace: Workspace, scope: Scope, name: str) -> bool:
    """Whether any document of the places in `scope` fits this one filter; sessions lie in no folder of a root."""
    places = scope.places
    if places is not None and name in _OF_SESSIONS:
        places = tuple(replace(place, folder="") for place in places)
    return workspace.holds(replace(Scope(places), **{name: getattr(scope, name)}))


def _asked_of_sessions(scope: Scope) -> list[str]:
    return [name for name in _OF_SESSIONS if getattr(scope, name) is not None]
