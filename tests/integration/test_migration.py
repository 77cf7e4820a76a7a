"""From one model to the next and back, while documents change and questions are asked."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from instar.domain.generations import Generation
from instar.domain.migrations import Cutover, Migration, State
from instar.domain.models import ModelSpec
from instar.domain.search import SearchRequest
from instar.errors import MigrationError, ModelAwayError
from instar.ports import Embedded, Embedder, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

Write = Callable[[Path, range, int], None]
FILES = range(6)


class Second(HashEmbedder):
    """The model that is to answer; `before` is called with the texts of each batch."""

    def __init__(self, before: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        super().__init__(dimensions=32, revision="2")
        self.before = before

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        self.before(texts)
        return super().embed_documents(texts)


class Both(Workspace):
    """A folder for which two models are to be had; the settings name the first."""

    def __init__(self, data: Path, second: Second | None = None, storage: str = "float32") -> None:
        super().__init__(Settings(data=data, storage=storage))
        self.one, self.two = HashEmbedder(), second or Second()
        self.named = self.one

    @property
    def first(self) -> Embedder:
        return self.one

    @property
    def wanted(self) -> Embedder:
        return self.named

    def embedder_of(self, generation: Generation) -> Embedder | None:
        def same(spec: ModelSpec) -> bool:
            return spec.revision == generation.model.revision

        return next((model for model in (self.one, self.two) if same(model.spec)), None)

    def start(self, cutover: Cutover = Cutover.AUTO) -> Migration | None:
        self.migrations.start(self.two, cutover=cutover, throttle="", cause="asked for")
        return self.migrations.work(SilentProgress())


@pytest.fixture
def root(tmp_path: Path, write_tree: Write) -> Path:
    write_tree(tmp_path / "root", FILES, 1)
    return tmp_path / "root"


@pytest.fixture
def workspace(tmp_path: Path, root: Path) -> Iterator[Both]:
    opened = Both(tmp_path / "data")
    opened.index([root], SilentProgress())
    yield opened
    opened.close()


def answering(workspace: Workspace) -> int:
    answer = workspace.search(SearchRequest("gen1x of f0002"))
    assert answer.generation is not None
    assert answer.degraded is None
    assert answer.hits
    return answer.generation.id


def missing(workspace: Workspace, generation_id: int) -> int:
    with workspace.store.snapshot() as snapshot:
        return snapshot.completeness(generation_id).missing


def states(workspace: Workspace) -> list[State]:
    with workspace.store.snapshot() as snapshot:
        return [step.state for step in snapshot.steps(snapshot.migrations()[-1].id)]


def test_there_and_back(workspace: Both, root: Path, write_tree: Write) -> None:
    assert answering(workspace) == 1
    workspace.start()
    assert answering(workspace) == 2
    assert states(workspace) == [State.PLANNED, State.BUILDING, State.CHECKING, State.READY, State.ACTIVE]
    write_tree(root, range(20, 22), 3)  # since the cut-over
    workspace.index([root], SilentProgress())
    assert (missing(workspace, 1), missing(workspace, 2)) == (0, 0)
    workspace.migrations.commands.roll_back("asked for")
    assert answering(workspace) == 1
    found = workspace.search(SearchRequest("gen3x of f0021"))
    assert found.hits[0].path == "f0021.py"
    assert found.hits[0].vector_rank is not None
    workspace.index([root], SilentProgress())  # what was rolled back is not begun again
    assert answering(workspace) == 1
    assert states(workspace)[-1] is State.ROLLED_BACK


def test_what_changes_during_the_build_is_in_both(tmp_path: Path, root: Path, write_tree: Write) -> None:
    """Another process adds, edits, deletes and renames; the former generation answers it throughout."""
    data = tmp_path / "data"
    seen: list[int] = []

    def meanwhile(_: Sequence[str]) -> None:
        if not seen:
            write_tree(root, range(30, 32), 4)
            (root / "f0001.py").unlink()
            (root / "f0002.py").rename(root / "moved.py")
        other = Both(data)
        other.index([root], SilentProgress(), seconds=60, build_wanted=False)
        seen.append(answering(other))
        other.close()

    workspace = Both(data, Second(meanwhile))
    workspace.index([root], SilentProgress())
    workspace.start()
    assert seen
    assert set(seen) == {1}
    assert answering(workspace) == 2
    assert (missing(workspace, 1), missing(workspace, 2)) == (0, 0)
    with workspace.store.snapshot() as snapshot:
        live = snapshot.completeness(2).texts
        stored = {one.id: len(snapshot.vectors_after(one.id, 0).text_ids) for one in snapshot.generations()}
    assert stored == {1: live, 2: live}  # nothing of what was deleted
    assert workspace.search(SearchRequest("gen4x of f0031")).hits[0].path == "f0031.py"
    workspace.close()


def test_a_paused_build_rests_until_it_is_resumed(tmp_path: Path, root: Path) -> None:
    data = tmp_path / "data"
    paused: list[Migration] = []

    def pause(_: Sequence[str]) -> None:
        if not paused:
            paused.append(building.migrations.commands.pause("asked for"))

    building = Both(data, Second(pause))
    building.index([root], SilentProgress())
    moved = building.start()
    assert moved is not None
    assert moved.state is State.PAUSED
    assert missing(building, 2) > 0
    building.index([root], SilentProgress())
    assert states(building)[-1] is State.PAUSED  # who paused has to resume
    building.migrations.commands.resume("asked for")
    building.migrations.work(SilentProgress())
    assert answering(building) == 2
    building.close()


def test_a_model_that_goes_away_is_waited_for(tmp_path: Path, root: Path) -> None:
    away = [True]

    def refuse(_: Sequence[str]) -> None:
        if away:
            raise ModelAwayError("no answer", "start it")

    workspace = Both(tmp_path / "data", Second(refuse))
    workspace.index([root], SilentProgress())
    with pytest.raises(ModelAwayError):
        workspace.start()
    assert states(workspace)[-1] is State.BUILDING
    assert answering(workspace) == 1
    away.clear()
    workspace.index([root], SilentProgress())  # whoever comes next goes on
    assert answering(workspace) == 2
    workspace.close()


def test_what_is_ready_waits_for_a_person(workspace: Both, root: Path, write_tree: Write) -> None:
    moved = workspace.start(Cutover.ASK)
    assert moved is not None
    assert moved.state is State.READY
    assert answering(workspace) == 1
    write_tree(root, range(40, 41), 5)
    workspace.index([root], SilentProgress(), seconds=60, build_wanted=False)
    assert workspace.migrations.cut_over("asked for").state is State.CHECKING  # texts have come
    workspace.migrations.work(SilentProgress())
    assert missing(workspace, 2) == 0
    assert workspace.migrations.cut_over("asked for").state is State.ACTIVE
    assert answering(workspace) == 2


def rows(workspace: Workspace) -> dict[str, int]:
    with workspace.store.writing() as writer:
        db = writer._db
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        record = {"migrations", "steps", "lease", "sqlite_sequence", "meta"}
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables if name not in record}


def test_an_aborted_migration_leaves_nothing_but_its_record(workspace: Both) -> None:
    before = rows(workspace)
    workspace.start(Cutover.NEVER)
    assert rows(workspace) != before
    workspace.migrations.commands.abort("started by mistake")
    assert rows(workspace) == before
    assert answering(workspace) == 1
    assert states(workspace)[-1] is State.ABORTED
    with pytest.raises(MigrationError, match="no migration"):
        workspace.migrations.commands.abort("again")


def test_retiring_gives_back_what_a_generation_took(workspace: Both) -> None:
    before = rows(workspace)
    workspace.start()
    with pytest.raises(MigrationError, match="active"):
        workspace.migrations.commands.retire(2, "asked for")
    workspace.migrations.commands.retire(1, "asked for")
    assert states(workspace)[-1] is State.SETTLED
    assert rows(workspace) == before
    assert answering(workspace) == 2
    with pytest.raises(MigrationError, match="nothing to roll back"):
        workspace.migrations.commands.roll_back("asked for")


def spoil(workspace: Both, change: Callable[[bytes], bytes], *, resum: bool) -> None:
    """Change a stored vector of the second generation, with its checksum or without."""
    import zlib

    with workspace.store.writing() as writer:
        db = writer._db
        sequence, data, checksum = db.execute(
            "SELECT sequence, data, checksum FROM vectors WHERE generation_id = 2"
        ).fetchone()
        damaged = change(data)
        db.execute(
            "UPDATE vectors SET data = ?, checksum = ? WHERE sequence = ?",
            (damaged, zlib.crc32(damaged) if resum else checksum, sequence),
        )


@pytest.mark.parametrize(
    ("gate", "change", "resum"),
    [
        ("integrity", lambda data: np.full(len(data) // 4, np.nan, "<f4").tobytes(), True),
        ("integrity", lambda data: bytes(len(data)), True),
        ("checksums", lambda data: bytes([data[0] ^ 1]) + data[1:], False),
    ],
)
def test_each_gate_alone_stops_a_cut_over(
    workspace: Both, gate: str, change: Callable[[bytes], bytes], resum: bool
) -> None:
    workspace.start(Cutover.NEVER)
    spoil(workspace, change, resum=resum)
    with workspace.store.writing() as writer:
        writer.migrations.advance(1, State.CHECKING, "me", "looked at again")
    moved = workspace.migrations.work(SilentProgress())
    assert moved is not None
    assert (moved.state, moved.cause.split(":")[0]) == (State.PAUSED, gate)
    assert answering(workspace) == 1


def test_the_settings_begin_a_migration_and_end_the_one_they_named_before(workspace: Both, root: Path) -> None:
    workspace.named = workspace.two
    workspace.index([root], SilentProgress())
    assert answering(workspace) == 2
    workspace.named = workspace.one
    workspace.index([root], SilentProgress())
    assert answering(workspace) == 1


def test_a_build_that_is_aborted_meanwhile_stops(tmp_path: Path, root: Path) -> None:
    def abort(texts: Sequence[str]) -> None:
        if any("f0000" in text for text in texts):
            building.migrations.commands.abort("asked for")

    building = Both(tmp_path / "data", Second(abort))
    building.index([root], SilentProgress())
    moved = building.start()
    assert moved is None  # none is open any more
    assert states(building)[-1] is State.ABORTED
    assert answering(building) == 1
    building.close()


def test_what_a_person_asked_for_is_not_undone_by_the_next_run(tmp_path: Path, root: Path) -> None:
    workspace = Both(tmp_path / "data")
    workspace.index([root], SilentProgress(), build_wanted=False)  # as a first search does
    workspace.start()
    workspace.index([root], SilentProgress())
    assert answering(workspace) == 2
    workspace.migrations.commands.retire(1, "asked for")
    workspace.index([root], SilentProgress())
    assert answering(workspace) == 2
    workspace.close()


def test_a_start_that_is_refused_leaves_nothing(workspace: Both) -> None:
    workspace.start(Cutover.NEVER)
    before = rows(workspace)
    workspace.two = Second()
    with pytest.raises(MigrationError, match="migration 1 to hash is ready"):
        workspace.migrations.start(
            HashEmbedder(dimensions=16, revision="3"), cutover=Cutover.AUTO, throttle="", cause="asked for"
        )
    assert rows(workspace) == before
