"""What there is to say of generations, as JSON and in words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from instar.domain.stored import MarkedChunk
from instar.entrypoints.cli.terminal import counted, printable
from instar.wiring import Workspace

NAMED_PLACES = 3
"""Places named in a line for people; JSON has all."""


def generations_as_json(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the facts of each generation, oldest first."""
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        facts = []
        for generation in snapshot.generations():
            model, state = generation.model, snapshot.completeness(generation.id)
            facts.append(
                {
                    "id": generation.id,
                    "model": model.name,
                    "revision": model.revision,
                    "dimensions": model.stored_dimensions,
                    "context_tokens": model.context_tokens,
                    "storage": generation.storage.value,
                    "active": active is not None and generation.id == active.id,
                    "wanted": workspace.is_wanted(generation),
                    "texts": state.texts,
                    "missing": state.missing,
                    "quarantined": state.quarantined,
                    "unsound": _unsound(snapshot.unsound_chunks(generation.id)),
                    "cut": _places(snapshot.cut_chunks(generation.id)),
                }
            )
        return facts


def _unsound(chunks: Sequence[MarkedChunk]) -> list[dict[str, Any]]:
    by_reason: defaultdict[str, list[MarkedChunk]] = defaultdict(list)
    for chunk in chunks:
        by_reason[chunk.reason].append(chunk)
    return [
        {"reason": reason, "texts": sorted({chunk.text_id for chunk in found})} | _places(found)
        for reason, found in sorted(by_reason.items())
    ]


def _places(chunks: Sequence[MarkedChunk]) -> dict[str, Any]:
    """Return how many chunks there are, and for each file the lines of its own."""
    files: defaultdict[str, list[list[int]]] = defaultdict(list)
    for chunk in chunks:
        files[chunk.path].append([chunk.start_line, chunk.end_line])
    return {"chunks": len(chunks), "files": [{"path": path, "lines": lines} for path, lines in files.items()]}


def in_words(facts: dict[str, Any]) -> list[str]:
    """Return what there is to say of a generation: a line for what it is, and for each of its troubles."""
    mark = "active" if facts["active"] else "wanted" if facts["wanted"] else "not active"
    left = f"{facts['missing']:,} of {counted(facts['texts'], 'text')} missing" if facts["missing"] else "complete"
    lines = [f"generation {facts['id']}  {facts['model']} {facts['storage']}, {mark}, {left}"]
    return lines + [f"  {trouble}" for trouble in troubles(facts)]


def troubles(facts: dict[str, Any]) -> list[str]:
    """Return what a generation lacks for its texts' sake, each in a line."""
    found = [
        f"{counted(len(kind['texts']), 'text')} given up, for the vector was {kind['reason']}: {_some(kind['files'])}"
        for kind in facts["unsound"]
    ]
    cut = facts["cut"]
    if cut["chunks"]:
        most = f" of {facts['context_tokens']:,} tokens" if facts["context_tokens"] else ""
        found.append(
            f"{counted(cut['chunks'], 'chunk')} longer than the context{most}, found by meaning by the beginning only:"
            f" {_some(cut['files'])}"
        )
    return found


def blocked(facts: Iterable[dict[str, Any]]) -> list[str]:
    """Return why a wanted generation that was gone through does not answer, and what to do."""
    return [
        f"{one['model']} gave {counted(one['quarantined'], 'text')} no vector that can be stored, so it does not take"
        " over: run `instar index` again to ask once more, leave those files out (.instarignore), or name another model"
        for one in facts
        if one["wanted"] and not one["active"] and one["quarantined"]
    ]


def _some(files: Sequence[dict[str, Any]]) -> str:
    places = [f"{Path(file['path']).name}:{start}" for file in files for start, _ in file["lines"]]
    more = f" and {len(places) - NAMED_PLACES:,} more (--json)" if len(places) > NAMED_PLACES else ""
    return printable(", ".join(places[:NAMED_PLACES])) + more
