"""What changed in a root since it was last read."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from instar.domain.corpus import DocumentState
from instar.domain.sources import COMPRESSED, UNREADABLE, VANISHED, FileState, Skipped
from instar.errors import RootMissingError
from instar.indexing.clock import Deadline
from instar.indexing.reading import READER_VERSION
from instar.ports import SessionSource, Source

FINE_RACE_NS = 20_000_000
COARSE_RACE_NS = 2_000_000_000
"""A file changed so shortly before it was read may change again without a new time stamp (kernels stamp in steps of up
to 10 ms; a file system that keeps whole seconds only, in steps of up to 2 s), so it is read once more next time."""
UNSETTLED = 0
"""The time stamp noted for such a file: no real one equals it."""


@dataclass(slots=True)
class Difference:
    """Files to read, ids of documents that are gone, and what was skipped; `complete` where the whole root was seen."""

    changed: list[FileState] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    complete: bool = False


def compare(
    source: Source | SessionSource,
    known: dict[str, DocumentState],
    deadline: Deadline,
    *,
    reader_version: str = READER_VERSION,
    may_be_empty: bool = False,
    unnamed: Callable[[str], str] = str,
) -> Difference:
    """Compare the files of `source` with what is stored of them; stops at the deadline, then incomplete.

    A file may also be stored under another path, `unnamed(path)`.

    Raises `RootMissingError` where the root is not there, and (unless it `may_be_empty`) where nothing at all is left
    of one that held documents: that is how the place looks where a disk is not mounted.
    """
    found = Difference()
    unseen = dict(known)
    kept: set[str] = set()
    empty = True
    for entry in source.scan():
        empty = False
        if isinstance(entry, Skipped):
            paths = entry.path, unnamed(entry.path)
            if entry.reason in (UNREADABLE, VANISHED, COMPRESSED):
                kept.update(paths)
            state = next((known[path] for path in paths if path in known), None)
            reason = state.skipped if state and entry.reason == COMPRESSED else entry.reason
            if reason:
                found.skipped[reason] += 1
        else:
            state = unseen.pop(entry.path, None) or unseen.pop(unnamed(entry.path), None)
            if state is None or _changed(entry, state, reader_version):
                found.changed.append(entry)
            elif state.skipped:
                found.skipped[state.skipped] += 1
        if deadline.passed():
            return found
    if empty and known and not may_be_empty:
        raise RootMissingError("nothing is left in the root", "mount it, or run `instar roots forget PATH`")
    folders = tuple(path for path in kept if path.endswith("/"))
    found.gone = [state.id for path, state in unseen.items() if path not in kept and not path.startswith(folders)]
    found.complete = True
    return found


def _changed(entry: FileState, state: DocumentState, reader_version: str) -> bool:
    return (entry.size, entry.mtime_ns, reader_version) != (
        state.size,
        state.mtime_ns,
        state.reader_version,
    )


def settled(state: FileState, read_at_ns: int) -> FileState:
    """Return the state to store for a file read at `read_at_ns` (nanoseconds since the epoch)."""
    coarse = state.mtime_ns % 1_000_000_000 == 0
    race = COARSE_RACE_NS if coarse else FINE_RACE_NS
    return replace(state, mtime_ns=UNSETTLED) if read_at_ns - state.mtime_ns < race else state
