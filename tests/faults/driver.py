"""A process to be killed: works on a data folder and says what it has been promised.

    driver.py DATA ROOT TASK

Prints `ready` before the data folder is opened, then `stored PATH HASH` for each document after the call that stored it
returned, and `done` at the end.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from instar.domain.corpus import Document, SessionChoice, Touched
from instar.domain.generations import Generation
from instar.domain.migrations import Cutover, State
from instar.indexing.clock import Deadline
from instar.indexing.indexer import Indexer
from instar.indexing.parts import Indexing
from instar.ports import CorpusWriter, Embedded, Embedder, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

STORED_AT_ONCE = 8
"""Documents a transaction: far less than in earnest, so that kills meet many commits."""
SECONDS_A_TEXT = 0.005
REPETITIONS = 1_000
"""Of the tasks that do one thing over and over until they are killed."""


class Announcing:
    """A writer that stores documents a few at a time and prints what has been stored."""

    def __init__(self, writer: CorpusWriter) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write_documents(self, root_id: int, documents: Sequence[Document], touched: Sequence[Touched]) -> None:
        self._writer.write_documents(root_id, [], touched)
        for start in range(0, len(documents), STORED_AT_ONCE):
            batch = documents[start : start + STORED_AT_ONCE]
            self._writer.write_documents(root_id, batch, [])
            for document in batch:
                say(f"stored {document.path} {document.content_hash.hex()}")


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def index(workspace: Workspace, root: Path, *, reread: bool = False) -> None:
    """Index the root as `instar index` does."""
    with workspace.store.writing() as writer:
        announcing: Any = Announcing(writer)
        indexer = Indexer(announcing, workspace.parts, SilentProgress(), Deadline())
        indexer.read([writer.add_root(str(root))], reread=reread)
    workspace.fill(SilentProgress())


def sessions(workspace: Workspace, root: Path) -> None:
    """Index the root with the transcripts that lie beside it."""
    workspace.choose_sessions([root], SessionChoice((str(root.with_name("talks")),)))
    index(workspace, root)


def forget(workspace: Workspace, root: Path) -> None:
    """Forget the root."""
    workspace.forget(next(known for known in workspace.roots() if known.path == str(root)))


def pack(workspace: Workspace, root: Path) -> None:
    """Pack the vectors over and over."""
    with workspace.store.writing() as writer:
        generation = writer.view().generations()[0]
        end, _ = writer.vector_position(generation.id)
        for _ in range(REPETITIONS):
            workspace.vectors_of(generation).pack(writer.vector_batches(generation.id), end)


def lexical(workspace: Workspace, root: Path) -> None:
    """Fill the lexical index over and over."""
    with workspace.store.writing() as writer:
        for _ in range(REPETITIONS):
            workspace.lexical.clear()
            half = writer.lexical_rows(dict.fromkeys(range(1, 40), 0))
            workspace.lexical.apply({}, half, writer.log_position())
            workspace.lexical.clear()
            workspace.lexical.apply({}, writer.lexical_rows(None), writer.log_position())


class SlowModel(HashEmbedder):
    """A model that takes a while, as a transformer does, so that kills meet its batches."""

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d)."""
        time.sleep(SECONDS_A_TEXT * len(texts))
        return super().embed_documents(texts)


class WithSlowModel(Workspace):
    """A folder for which the settings name the slow model."""

    slow = SlowModel()

    def embedder_of(self, generation: Generation) -> Embedder | None:
        """Return the model of a generation."""
        return self.slow if generation.model == self.slow.spec else super().embedder_of(generation)

    @property
    def parts(self) -> Indexing:
        """What an indexing run works with."""
        return replace(super().parts, wanted=lambda: self.slow)


def migrate(workspace: "WithSlowModel", root: Path) -> None:
    """Go to the slow model and back, over and over, from wherever the last process was killed; the root changes too."""
    migrations = workspace.migrations
    for number in range(REPETITIONS):
        last = migrations.commands.last()
        if last is not None and last.is_open:
            migrations.work(SilentProgress())
        elif last is not None and last.state is State.ACTIVE:
            migrations.commands.roll_back("to go there again")
            migrations.commands.retire(last.target.generation_id, "to build it again")
        else:
            migrations.start(workspace.slow, cutover=Cutover.AUTO, throttle="", cause="asked for")
        (root / "changing.py").write_text(f"def changing():\n    return {number}\n", "utf-8")
        workspace.index([root], SilentProgress(), build_wanted=False)


def main(data: Path, root: Path, task: str) -> None:
    """Do one task."""
    slow = WithSlowModel(Settings(data=data))
    workspace = slow if task == "build" else Workspace(Settings(data=data))
    workspace.wanted.embed_documents(["loaded before the clock starts"])
    say("ready")
    match task:
        case "index" | "build":
            index(workspace, root)
        case "rebuild":
            index(workspace, root, reread=True)
        case "sessions":
            sessions(workspace, root)
        case "forget":
            forget(workspace, root)
        case "pack":
            pack(workspace, root)
        case "lexical":
            lexical(workspace, root)
        case "migrate":
            migrate(slow, root)
        case "restore":
            workspace.restore(root, SilentProgress())
    say("done")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
