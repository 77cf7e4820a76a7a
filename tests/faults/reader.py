"""A process that searches until a file appears, and fails at the first answer that is not whole.

reader.py DATA STOP QUESTION
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

from instar.domain.search import Mode, SearchRequest
from instar.settings import Settings
from instar.wiring import Workspace

GENERATION = re.compile(r"gen(\d+)x of (f\d+), part (\d)")
FRESH_EVERY = 20
"""Searches after which the folder is opened anew, as a command would."""


def check(workspace: Workspace, question: str, mode: Mode) -> int:
    """Search once; all chunks of a file in one answer are of one generation, each once, and of that file."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for hit in workspace.search(SearchRequest(question, mode=mode, limit=60)).hits:
        found = GENERATION.search(hit.text)
        assert found, f"a chunk without its marker: {hit.text!r}"
        assert hit.path == f"{found[2]}.py"
        assert found[3] not in seen[hit.path], f"a part of {hit.path} twice"
        seen[hit.path][found[3]] = found[1]
    for path, parts in seen.items():
        assert len(set(parts.values())) == 1, f"{path} half written: {parts}"
    return sum(map(len, seen.values()))


def main(data: Path, stop: Path, question: str) -> None:
    """Search until `stop` is there and print the number of searches and of hits."""
    searches = hits = 0
    workspace = Workspace(Settings(data=data))
    while not stop.exists():
        if searches % FRESH_EVERY == 0:
            workspace.close()
            workspace = Workspace(Settings(data=data))
        hits += check(workspace, question, list(Mode)[searches % len(Mode)])
        searches += 1
    sys.stdout.write(f"{searches} {hits}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
