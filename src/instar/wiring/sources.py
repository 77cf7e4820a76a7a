"""What the documents of a root are read with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instar.adapters.sources.transcripts import TranscriptSource
from instar.adapters.sources.tree import TreeSource
from instar.domain.corpus import Root
from instar.settings import Settings

if TYPE_CHECKING:
    from instar.indexing.sessions import SessionReader


def tree_source(settings: Settings, root: Root, all_roots: Sequence[Root]) -> TreeSource:
    """Return the source of a root, which leaves the roots inside it to themselves."""
    here = Path(root.path)
    nested = [Path(other.path) for other in all_roots if here in Path(other.path).parents]
    nested.append(settings.data)  # never read, wherever it lies
    nested += [Path(folder) for folder in (root.sessions.folders if root.sessions else ())]  # a source of its own
    return TreeSource(here, max_bytes=settings.max_file_bytes, nested_roots=nested)


def transcript_source(root: Root, folder: str) -> TranscriptSource:
    """Return the source of a folder with transcripts, which enters those of other projects only where it must."""
    narrow = root.sessions is not None and not root.sessions.projects
    return TranscriptSource(Path(folder), root.path if narrow else None)


def session_reader(settings: Settings, root: Root, all_roots: Sequence[Root]) -> "SessionReader":
    """Return what reads the transcripts of a root: its own, not those of the roots inside it."""
    from instar.indexing.projects import Projects
    from instar.indexing.sessions import SessionReader

    nested = tuple(other.path for other in all_roots if Path(root.path) in Path(other.path).parents)
    globs = root.sessions.projects if root.sessions else ()
    return SessionReader(Projects(root.path, nested, globs), settings.session_thinking)
