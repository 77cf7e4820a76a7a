"""Several processes on one data folder."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from instar.domain.canaries import CANARIES
from instar.domain.generations import Generation
from instar.domain.search import SearchRequest
from instar.errors import BusyError
from instar.indexing.parts import Indexing
from instar.ports import Embedded, Embedder, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

Write = Callable[[Path, range, int], None]
Command = Callable[..., subprocess.CompletedProcess[str]]

# Takes the writer's lock, says so, and keeps it until its standard input is closed.
HOLDER = """
import sys
from pathlib import Path
from instar.adapters.stores.sqlite.store import SqliteStore
with SqliteStore(Path(sys.argv[1])).writing(30):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path, write_tree: Write) -> Path:
    write_tree(tmp_path / "root", range(4), 1)
    return tmp_path / "root"


@pytest.fixture
def holder(tmp_path: Path, environment: dict[str, str]) -> Callable[[], subprocess.Popen[str]]:
    """Start another process that writes."""

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, environment["INSTAR_DATA"]]
        process = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    return start


def test_a_second_writer_is_refused(root: Path, tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]) -> None:
    workspace = Workspace(Settings(data=tmp_path / "data"), HashEmbedder())
    workspace.index([root], SilentProgress())
    with holder() as other:
        with pytest.raises(BusyError):
            workspace.index([root], SilentProgress())
        assert workspace.search(SearchRequest("ember")).hits
        other.communicate()
    workspace.index([root], SilentProgress())
    workspace.close()


class Accompanied(HashEmbedder):
    """A model whose first batch takes until the companion is through."""

    def __init__(self, companion: Callable[[], None]) -> None:
        super().__init__(dimensions=32)
        self.embedded: list[str] = []
        self.companion = Thread(target=companion)

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        asked = [text for text in texts if text not in CANARIES]
        if asked and not self.companion.ident:
            self.companion.start()
            self.companion.join()
        self.embedded += asked
        return super().embed_documents(texts)


class Building(Workspace):
    """A folder for which the settings name this model."""

    def __init__(self, data: Path, model: HashEmbedder) -> None:
        super().__init__(Settings(data=data))
        self._model = model

    def embedder_of(self, generation: Generation) -> Embedder | None:
        return self._model if generation.model == self._model.spec else super().embedder_of(generation)

    @property
    def parts(self) -> Indexing:
        return replace(super().parts, wanted=lambda: self._model)


def test_a_file_that_comes_while_a_model_is_built_is_found_before_the_build_ends(
    root: Path, tmp_path: Path, write_tree: Write
) -> None:
    data = tmp_path / "data"
    found: list[tuple[str, bool]] = []

    def look() -> None:
        write_tree(root, range(4, 5), 1)
        workspace = Workspace(Settings(data=data))
        workspace.index([root], SilentProgress(), seconds=60, wait_seconds=60, build_wanted=False)
        answer = workspace.search(SearchRequest("gen1x of f0004"))
        with workspace.store.snapshot() as snapshot:
            building = snapshot.completeness(snapshot.generations()[-1].id).missing > 0
        found.append((answer.hits[0].path, building))
        workspace.close()

    model = Accompanied(look)
    workspace = Building(data, model)
    workspace.index([root], SilentProgress())
    assert found == [("f0004.py", True)]
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
    assert active is not None
    assert active.model == model.spec
    assert any("of f0004" in text for text in model.embedded)
    workspace.close()


def test_of_two_that_build_one_model_one_does(root: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    second = HashEmbedder(dimensions=32)
    model = Accompanied(lambda: Building(data, second).fill(SilentProgress()))
    workspace = Building(data, model)
    workspace.index([root], SilentProgress())
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        assert active is not None
        assert active.model == model.spec
        texts = snapshot.completeness(active.id).texts
        assert snapshot.completeness(active.id).missing == 0
    assert len(model.embedded) == len(set(model.embedded)) == texts
    workspace.close()


def test_a_writer_that_was_killed_leaves_no_lock(
    root: Path, tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    workspace = Workspace(Settings(data=tmp_path / "data"), HashEmbedder())
    with holder() as other:
        other.kill()
        other.wait()
    workspace.index([root], SilentProgress())
    workspace.close()


def test_a_search_answers_while_another_process_writes(
    root: Path, write_tree: Write, instar_command: Command, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    instar_command("index", root)
    write_tree(root, range(1), 2)
    with holder() as other:
        found = instar_command("search", "gen1x of f0000", root)
        assert (found.returncode, "f0000.py" in found.stdout) == (0, True)
        assert "note: another instar process is indexing; answered with what is there" in found.stderr
        other.communicate()
    assert "note:" not in instar_command("search", "gen2x of f0000", root).stderr


@pytest.mark.faults  # it waits for as long as a command waits
def test_a_command_gives_up_waiting_in_one_line(
    root: Path, instar_command: Command, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    instar_command("index", root)
    with holder() as other:
        for command in (("index", root), ("verify",), ("roots", "forget", root)):
            refused = instar_command(*command)
            assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
            assert refused.stderr.startswith("instar: another instar process is writing to this data folder; ")
        other.communicate()


def test_commands_started_together_all_complete(
    tmp_path: Path, write_tree: Write, environment: dict[str, str], instar_command: Command
) -> None:
    """They wait for each other, from the making of the database on."""
    roots = [tmp_path / f"root{number}" for number in range(4)]
    for number, root in enumerate(roots):
        write_tree(root, range(10 * number, 10 * number + 3), 1)
    code = "from instar.entrypoints.cli.main import run; run()"
    started = [
        subprocess.Popen([sys.executable, "-c", code, "index", str(root)], env=environment, stderr=subprocess.PIPE)
        for root in roots
    ]
    for process in started:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert instar_command("roots").stdout.split() == [str(root) for root in roots]
    assert instar_command("verify").stdout == "sound\n"
