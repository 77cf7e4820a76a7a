"""One writer and eight readers: no search fails, none sees half a document."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

pytestmark = pytest.mark.faults

READER = Path(__file__).parent / "reader.py"
READERS = 8
ROUNDS = 20
FILES = 24

Write = Callable[[Path, range, int], None]


def test_one_writer_and_eight_readers(tmp_path: Path, write_tree: Write, environment: dict[str, str]) -> None:
    """The writer replaces documents, packs, forgets a root and fills the lexical index anew, under the readers."""
    data, stop = tmp_path / "data", tmp_path / "stop"
    root, other = tmp_path / "root", tmp_path / "other"
    write_tree(root, range(FILES), 1)
    write_tree(other, range(1_000, 1_004), 1)
    workspace = Workspace(Settings(data=data))
    workspace.index([root], SilentProgress())
    readers = [
        subprocess.Popen(
            [sys.executable, str(READER), str(data), str(stop), f"generation part_{i % 6} f00{i:02} ember combine"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(READERS)
    ]
    try:
        for generation in range(2, 2 + ROUNDS):
            write_tree(root, range(generation % 3, FILES, 3), generation)
            workspace.index([root, other], SilentProgress(), wait_seconds=60)
            if generation % 5 == 0:
                workspace.forget(next(known for known in workspace.roots() if known.path == str(other)))
            with workspace.store.writing(60) as writer:
                for known in writer.view().generations():
                    end, _ = writer.vector_position(known.id)
                    workspace.vectors_of(known).pack(writer.vector_batches(known.id), end)
    finally:
        stop.touch()
        ended = [(reader.communicate(), reader.returncode) for reader in readers]
        workspace.close()
    for (output, errors), code in ended:
        assert code == 0, errors
        searches, hits = map(int, output.split())
        assert searches > ROUNDS
        assert hits > searches
