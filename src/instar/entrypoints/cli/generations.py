"""What there is to say of generations, as JSON and in words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from instar.domain.stored import MarkedChunk
from instar.entrypoints.cli.terminal import counted, printable
from instar.wiring import Workspace

MOVED = "found at another place than before"
LOOKED_AT = "the next `instar index` looks at it again"
"""What is said of a model whose name leads to another folder or server by now."""
NAMED_PLACES = 3
"""Places named in a line for people; of unsound vectors JSON has all, for their files may have to be left out."""


def generations_as_json(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the facts of each generation, oldest first."""
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        decided = active is not None and not workspace.is_wanted(active) and not workspace.is_unsettled(active)
        facts = []
        for generation in snapshot.generations():
            model, state = generation.model, snapshot.completeness(generation.id)
            facts.append(
                {
                    "id": generation.id,
                    "model": model.called,
                    "name": model.name,
                    "revision": model.revision,
                    "dimensions": model.stored_dimensions,
                    "context_tokens": model.context_tokens,
                    "storage": generation.storage.value,
                    "active": active is not None and generation.id == active.id,
                    "wanted": workspace.is_wanted(generation) and not decided,
                    "moved": workspace.is_moved(generation),
                    "texts": state.texts,
                    "missing": state.missing,
                    "quarantined": state.quarantined,
                    "unsound": _unsound(snapshot.unsound_chunks(generation.id)),
                    "cut": _cut(snapshot.cut_chunks(generation.id)),
                    "changed": generation.changed or None,
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


def _cut(chunks: Sequence[MarkedChunk]) -> dict[str, Any]:
    """Return how many chunks there are, and the first few: there may be thousands, and nothing is wrong with them."""
    first = [{"path": chunk.path, "lines": [chunk.start_line, chunk.end_line]} for chunk in chunks[:NAMED_PLACES]]
    return {"chunks": len(chunks), "first": first}


def _places(chunks: Sequence[MarkedChunk]) -> dict[str, Any]:
    """Return how many chunks there are, and for each file the lines of its own."""
    files: defaultdict[str, list[list[int]]] = defaultdict(list)
    for chunk in chunks:
        files[chunk.path].append([chunk.start_line, chunk.end_line])
    return {"chunks": len(chunks), "files": [{"path": path, "lines": lines} for path, lines in files.items()]}


def in_words(facts: dict[str, Any], beside: Sequence[dict[str, Any]] = ()) -> list[str]:
    """Return what there is to say of a generation: a line for what it is, and for each of its troubles.

    Where another one of those `beside` it is of another model under the same name, both say which they are.
    """
    own = (facts["name"], facts["revision"])
    shared = any(one["model"] == facts["model"] and (one["name"], one["revision"]) != own for one in beside)
    model = f"{facts['model']} ({' '.join(own)})" if shared else facts["model"]
    mark = "active" if facts["active"] else "wanted" if facts["wanted"] else "not active"
    left = f"{facts['missing']:,} of {counted(facts['texts'], 'text')} missing" if facts["missing"] else "complete"
    lines = [printable(f"generation {facts['id']}  {model} {facts['storage']}, {mark}, {left}")]
    return lines + [f"  {trouble}" for trouble in troubles(facts)]


def troubles(facts: dict[str, Any]) -> list[str]:
    """Return what a generation lacks for its texts' sake, each in a line; what it cut only where it answers."""
    found = []
    for kind in facts["unsound"]:
        places = [(file["path"], start) for file in kind["files"] for start, _ in file["lines"]]
        given_up = f"{counted(len(kind['texts']), 'text')} given up, for the vector was {kind['reason']}"
        found.append(f"{given_up}: {_some(places, len(places), ' (--json)')}")
    return found + (_cut_in_words(facts) if facts["active"] else [])


def _cut_in_words(facts: dict[str, Any]) -> list[str]:
    count = facts["cut"]["chunks"]
    if not count:
        return []
    window = f"the {facts['context_tokens']:,} tokens" if facts["context_tokens"] else "what"
    places = _some([(place["path"], place["lines"][0]) for place in facts["cut"]["first"]], count)
    return [
        f"{counted(count, 'chunk')} longer than {window} the model reads: what stands behind that is found by words,"
        f" not by meaning ({places})"
    ]


def changed(facts: dict[str, Any]) -> list[str]:
    """Return that the model of a generation was found to be another one, and what to do."""
    if not facts["changed"]:
        return []
    remedy = "put the former model back and run `instar index`, or run `instar index --rebuild`"
    return [printable(f"  {facts['changed']}: {remedy}")]


def blocked(facts: Iterable[dict[str, Any]]) -> list[str]:
    """Return why a wanted generation that was gone through does not answer, and what to do."""
    return [
        f"{one['model']} gave {counted(one['quarantined'], 'text')} no vector that can be stored, so it does not take"
        " over: run `instar index` again to ask once more, leave those files out (.instarignore), or name another model"
        for one in facts
        if one["wanted"] and not one["active"] and one["quarantined"]
    ]


def _some(places: Sequence[tuple[str, int]], count: int, where: str = "") -> str:
    """Return the first of `places` (path, line), and how many of `count` are not named, and `where` they are."""
    shown = ", ".join(f"{Path(path).name}:{line}" for path, line in places[:NAMED_PLACES])
    return printable(shown) + (f" and {count - NAMED_PLACES:,} more{where}" if count > NAMED_PLACES else "")
