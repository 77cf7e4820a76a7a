"""Kills -9 at random moments: what was acknowledged stays, nothing is seen half written, and the next run ends well."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest
from conversations import Conversation

from instar.adapters.sources.text import content_hash
from instar.domain.corpus import SessionChoice
from instar.domain.generations import Generation, QuerySide
from instar.domain.migrations import FOLLOWS, State
from instar.domain.search import Mode, SearchAnswer, SearchRequest
from instar.domain.sources import Content, FileState
from instar.indexing.reading import read_document
from instar.ports import Embedder, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

pytestmark = pytest.mark.faults

DRIVER = Path(__file__).parent / "driver.py"
KILLS = int(os.environ.get("INSTAR_KILLS", "40"))
"""Kills in all; 100 make a full run."""
SEED = int(os.environ.get("INSTAR_SEED", str(time.time_ns())))
FILES = 120
PACKED_FILES = 360
"""With six texts each, more than are left outside a pack."""
TALKS = 40
MIGRATED_FILES = 30
ACTIVE_IN = {State.ACTIVE, State.SETTLED}
"""In which of its states the target of a migration is what answers."""
FIRST_LATEST = 2.0
"""Kills come evenly up to so many seconds after the driver is ready; adjusted to what the task turns out to take."""

Write = Callable[[Path, range, int], None]
Contents = Callable[[str, int], str]
Chunks = dict[str, list[tuple[int, int, str]]]


def share(part: float) -> int:
    """Return how many of all kills are for one test."""
    return max(2, round(KILLS * part))


@pytest.fixture
def dice() -> random.Random:
    """Return the source of chance; its seed is printed where a test fails."""
    print(f"INSTAR_SEED={SEED}")
    return random.Random(SEED)


class Victim:
    """The driver on one data folder: started, and killed after a random time."""

    def __init__(self, data: Path, environment: dict[str, str], dice: random.Random) -> None:
        self.data = data
        self.killed = 0
        self._latest = FIRST_LATEST
        self._environment = environment
        self._dice = dice

    def run(self, root: Path, task: str) -> list[tuple[str, str]]:
        """Return the (path, hash) of each document the driver was promised before it was killed."""
        command = [sys.executable, str(DRIVER), str(self.data), str(root), task]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment) as process:
            output: IO[str] = process.stdout or sys.stdin
            assert output.readline() == "ready\n"
            time.sleep(self._dice.uniform(0, self._latest))
            process.kill()
            lines = output.read().splitlines()
        if process.returncode == 0:
            self._latest *= 0.7
        else:
            assert process.returncode == -9
            self.killed += 1
            self._latest *= 1.1
        # A line cut off by the kill was not acknowledged to anybody.
        found = [line.split() for line in lines if line.startswith("stored ")]
        return [(words[1], words[2]) for words in found if len(words) == 3 and len(words[2]) == 32]


def chunks_in(data: Path, root: Path | None = None) -> Chunks:
    """Return (start line, end line, text) of all chunks by `root/path`, read from the database by SQLite alone."""
    found: Chunks = defaultdict(list)
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        for top, path, *chunk in connection.execute(
            "SELECT r.path, d.path, c.start_line, c.end_line, t.text FROM roots r JOIN documents d ON d.root_id = r.id"
            " LEFT JOIN chunks c ON c.document_id = d.id LEFT JOIN texts t ON t.id = c.text_id ORDER BY c.id"
        ):
            if root is None or top == str(root):
                found[f"{top}/{path}"].append((chunk[0], chunk[1], chunk[2]))
    return dict(found)


def hashes_in(data: Path) -> dict[str, str]:
    """Return the hash of the content of each document by its path."""
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT path, lower(hex(content_hash)) FROM documents").fetchall())


def expected_chunks(path: str, text: str) -> list[tuple[int, int, str]]:
    """Return the chunks of a file, made in this process."""
    document = read_document(FileState(path, 0, 0), Content(text, "", b"", 0))
    return [(chunk.start_line, chunk.end_line, chunk.text) for chunk in document.chunks]


def answer(data: Path, question: str, mode: Mode = Mode.HYBRID) -> SearchAnswer:
    """Search without a refresh, as a fresh process would."""
    workspace = Workspace(Settings(data=data))
    try:
        return workspace.search(SearchRequest(question, mode=mode, limit=50))
    finally:
        workspace.close()


def assert_ends_well(data: Path, roots: list[Path], tmp_path: Path) -> None:
    """The next run completes, leaves what a folder has that was never killed, and `verify` finds nothing."""
    workspace = Workspace(Settings(data=data))
    workspace.index(roots, SilentProgress())
    assert not workspace.verify().damage
    assert workspace.verify().mended == ()
    with workspace.store.snapshot() as snapshot:
        generation = snapshot.active_generation()
        assert generation is not None
        state = snapshot.completeness(generation.id)
        assert (state.missing, state.quarantined) == (0, 0)
    workspace.close()
    unharmed = tmp_path / "unharmed"
    other = Workspace(Settings(data=unharmed))
    other.index(roots, SilentProgress())
    other.close()
    assert chunks_in(data) == chunks_in(unharmed)
    shutil.rmtree(unharmed)
    for path in sorted(roots[0].iterdir())[:: FILES // 8]:
        lexical = answer(data, path.stem, Mode.LEXICAL)
        assert (lexical.degraded, lexical.pending) == (None, 0)
        found = [hit.path for hit in lexical.hits]
        assert (found[0], found.count(path.name)) == (path.name, 6)
        text = lexical.hits[0].text
        near = {hit.text: hit.vector_score for hit in answer(data, text, Mode.VECTOR).hits}
        assert (near.get(text) or 0.0) > 0.98


@pytest.mark.parametrize(("task", "part"), [("index", 0.4), ("rebuild", 0.1)])
def test_kills_while_indexing(
    task: str,
    part: float,
    tmp_path: Path,
    environment: dict[str, str],
    write_tree: Write,
    content: Contents,
    dice: random.Random,
) -> None:
    root = tmp_path / "root"
    victim = Victim(tmp_path / "data", environment, dice)
    write_tree(root, range(FILES), 1)
    versions = {content_hash(path.read_bytes()).hex(): path.read_text() for path in root.iterdir()}
    promised: dict[str, str] = {}
    generation = 1
    while victim.killed < share(part):
        promised |= dict(victim.run(root, task))
        if not (victim.data / "instar.db").exists():
            continue
        answered = answer(victim.data, "ember combine part_2 generation") if promised else None
        assert answered is None or answered.hits or answered.degraded  # where nothing is searchable yet, it is said
        held = hashes_in(victim.data) if promised else {}
        assert {path: held.get(path) for path in promised} == promised
        for place, chunks in (chunks_in(victim.data) if held else {}).items():
            path = Path(place).name
            assert chunks == expected_chunks(path, versions[held[path]])
        generation += 1
        changed = range(start := dice.randrange(FILES), min(FILES, start + FILES // 3))
        write_tree(root, changed, generation)
        for number in changed:
            text = content(f"f{number:04}", generation)
            versions[content_hash(text.encode()).hex()] = text
            promised.pop(f"f{number:04}.py", None)  # what is stored of it may be this version or the former
    assert_ends_well(victim.data, [root], tmp_path)


def turns_in(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return (turn, line, texts, touched files) of each transcript, read from the database by SQLite alone."""
    found: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        for path, *turn in connection.execute(
            "SELECT d.path, u.turn, u.first_line,"
            " (SELECT group_concat(text) FROM chunks c JOIN texts t ON t.id = text_id WHERE c.turn_id = u.id),"
            " (SELECT group_concat(o.path || action) FROM touches o WHERE o.turn_id = u.id)"
            " FROM turns u JOIN documents d ON d.id = u.document_id ORDER BY d.path, u.first_line"
        ):
            found[path].append(tuple(turn))
    return dict(found)


def test_kills_while_sessions_are_followed(
    tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    """Of every transcript the turns of one version are there, which is one that stood in the file: all or nothing."""
    root, talks = tmp_path / "root", tmp_path / "talks"
    write_tree(root, range(4), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    said = [Conversation(talks / f"{number:03}.jsonl", root, session=f"s{number}") for number in range(TALKS)]
    versions: dict[str, list[int]] = {str(talk.path): [0] for talk in said}
    while victim.killed < share(0.15):
        for talk in dice.sample(said, TALKS // 2):
            for _ in range(20):
                talk.prompt("ember " * 40)
                talk.edit(str(root / "f0001.py"))
                talk.answer("combine " * 40)
            versions[str(talk.path)].append(versions[str(talk.path)][-1] + 60)
        victim.run(root, "sessions")
        if (victim.data / "instar.db").exists():
            for path, turns in turns_in(victim.data).items():
                assert len(turns) in versions[path]
                assert all(text for _, _, text, _ in turns)
                assert sum(touched is not None for *_, touched in turns) == len(turns) // 3
    workspace = Workspace(Settings(data=victim.data))
    sessions = SessionChoice((str(talks),))
    workspace.choose_sessions([root], sessions)
    workspace.index([root], SilentProgress())
    assert not workspace.verify().damage
    workspace.close()
    unharmed = Workspace(Settings(data=tmp_path / "unharmed"))
    unharmed.choose_sessions([root], sessions)
    unharmed.index([root], SilentProgress())
    unharmed.close()
    assert turns_in(victim.data) == turns_in(tmp_path / "unharmed")


def vectors_in(data: Path) -> dict[tuple[int, int], bytes]:
    """Return all vectors by (generation, text), read from the database by SQLite alone."""
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT generation_id, text_id, data FROM vectors").fetchall()
        return {(generation, text): vector for generation, text, vector in rows}


def test_kills_while_a_slow_wanted_model_is_built(
    tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    """What it has given stays; the first model answers until nothing is missing, however often that is interrupted."""
    root = tmp_path / "root"
    write_tree(root, range(FILES), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    workspace = Workspace(Settings(data=victim.data))
    workspace.index([root], SilentProgress())
    held = vectors_in(victim.data)
    texts = len(held)
    while victim.killed < share(0.1):
        before = victim.killed
        victim.run(root, "build")
        now = vectors_in(victim.data)
        assert held.items() <= now.items()
        held = now
        with workspace.store.snapshot() as snapshot:
            active = snapshot.active_generation()
        assert active is not None
        assert (active.id == 1) or len(held) == 2 * texts
        if active.id == 1:
            answered = answer(victim.data, "ember combine part_2 f0007")
            assert (answered.degraded, answered.pending) == (None, 0)
        if victim.killed == before:  # it is built: begin again
            with workspace.store.writing() as writer:
                writer.activate(1, QuerySide())
                writer.empty_generation(2)
            held = vectors_in(victim.data)
    workspace.close()
    assert_ends_well(victim.data, [root], tmp_path)


class WithItsModel(Workspace):
    """A folder whose second model, the driver's slow one, is there."""

    model = HashEmbedder()

    def embedder_of(self, generation: Generation) -> Embedder | None:
        return self.model if generation.model == self.model.spec else super().embedder_of(generation)


def test_kills_on_the_way_there_and_back(
    tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    """Each step is legal, the pointer is where the last step put it, and what answers lacks nothing."""
    root = tmp_path / "root"
    write_tree(root, range(MIGRATED_FILES), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    workspace = WithItsModel(Settings(data=victim.data))
    workspace.index([root], SilentProgress(), build_wanted=False)
    seen: set[State] = set()
    while victim.killed < share(0.4):
        victim.run(root, "migrate")
        with workspace.store.snapshot() as snapshot:
            migrations, pointer = snapshot.migrations(), snapshot.pointer()
            walks = [[step.state for step in snapshot.steps(each.id)] for each in migrations]
            assert pointer is not None
            assert snapshot.completeness(pointer.generation.id).missing <= 1  # the file that changes
        assert all(after in FOLLOWS[before] for walk in walks for before, after in pairwise(walk))
        assert sum(each.is_open for each in migrations) <= 1
        if migrations:
            last = migrations[-1]
            seen.add(last.state)
            side = last.target if last.state in ACTIVE_IN else last.former
            assert pointer.generation.id == side.generation_id
        answer = workspace.search(SearchRequest("ember combine part_2 f0007"))
        assert (answer.degraded, bool(answer.hits)) == (None, True)
        assert answer.generation == pointer.generation
    last_one = workspace.migrations.commands.last()
    if last_one is not None and last_one.is_open:  # it goes on, and ends
        finished = workspace.migrations.work(SilentProgress())
        assert finished is not None
        assert finished.state is State.ACTIVE
    workspace.index([root], SilentProgress(), build_wanted=False)
    verdict = workspace.verify()
    assert (verdict.damage, verdict.mended) == ((), ())
    workspace.close()
    assert State.BUILDING in seen


def test_kills_while_the_database_is_made(
    tmp_path: Path,
    environment: dict[str, str],
    write_tree: Write,
    dice: random.Random,
    instar_command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    root = tmp_path / "root"
    write_tree(root, range(4), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    while victim.killed < share(0.2):
        shutil.rmtree(victim.data, ignore_errors=True)
        promised = victim.run(root, "index")
        found = instar_command("search", "--no-refresh", "ember", root)
        assert found.returncode in (0, 2)  # 2: not indexed yet
        assert found.returncode == 0 or not promised
        assert found.stderr.count("\n") <= 2
        assert instar_command("index", root).returncode == 0
        assert len(chunks_in(victim.data)) == 4
        with closing(sqlite3.connect(victim.data / "instar.db")) as connection:
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental: only set at creation
    assert_ends_well(victim.data, [root], tmp_path)


def test_kills_while_a_root_is_forgotten(
    tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    kept, left = tmp_path / "kept", tmp_path / "left"
    write_tree(kept, range(FILES), 1)
    write_tree(left, range(1000, 1000 + FILES), 2)
    victim = Victim(tmp_path / "data", environment, dice)
    workspace = Workspace(Settings(data=victim.data))
    while victim.killed < share(0.1):
        workspace.index([kept, left], SilentProgress())
        before = chunks_in(victim.data, kept)
        victim.run(left, "forget")
        assert chunks_in(victim.data, kept) == before
        answered = answer(victim.data, "ember combine part_2 gen2x")
        assert all(hit.text in (Path(hit.root) / hit.path).read_text() for hit in answered.hits)
        still_there = [root for root in workspace.roots() if root.path == str(left)]
        if still_there:
            workspace.forget(still_there[0])
        assert not chunks_in(victim.data, left)
        assert traces(victim.data, b"gen2x", b"f1007") == []
    workspace.close()
    assert_ends_well(victim.data, [kept], tmp_path)


def traces(data: Path, *marks: bytes) -> list[str]:
    """Return the files below `data` that hold one of these byte strings."""
    files = [path for path in data.rglob("*") if path.is_file()]
    return [path.name for path in files if any(mark in path.read_bytes() for mark in marks)]


@pytest.mark.parametrize(("task", "part"), [("pack", 0.1), ("lexical", 0.1)])
def test_kills_while_derived_files_are_written(
    task: str, part: float, tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    root = tmp_path / "root"
    write_tree(root, range(PACKED_FILES), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    workspace = Workspace(Settings(data=victim.data))
    workspace.index([root], SilentProgress())
    workspace.close()
    before = answer(victim.data, "ember combine part_2 f0007").hits
    while victim.killed < share(part):
        victim.run(root, task)
        answered = answer(victim.data, "ember combine part_2 f0007")
        assert answered.hits
        if task == "pack":
            assert (answered.hits, answered.degraded) == (before, None)
        workspace.index([root], SilentProgress())
        again = answer(victim.data, "ember combine part_2 f0007")
        assert again.degraded is None
        assert [hit.text for hit in again.hits] == [hit.text for hit in before]
    workspace.close()
    assert_ends_well(victim.data, [root], tmp_path)


def named_corpus(data: Path) -> str:
    """Return the name of the corpus, read from the database by SQLite alone."""
    with closing(sqlite3.connect(f"file:{data / 'instar.db'}?mode=ro", uri=True)) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE key = 'corpus'").fetchone()[0])


@pytest.mark.parametrize("damaged", [False, True], ids=["over a sound one", "instead of a damaged one"])
def test_kills_while_a_backup_is_restored(
    damaged: bool, tmp_path: Path, environment: dict[str, str], write_tree: Write, dice: random.Random
) -> None:
    """The former corpus is there in full, under its name, or the restored one under another."""
    root, copy = tmp_path / "root", tmp_path / "copy"
    write_tree(root, range(FILES), 1)
    victim = Victim(tmp_path / "data", environment, dice)
    workspace = Workspace(Settings(data=victim.data))
    workspace.index([root], SilentProgress())
    workspace.backup(copy, SilentProgress())
    kept = chunks_in(victim.data)
    write_tree(root, range(FILES // 2), 2)
    workspace.index([root], SilentProgress())
    later, former = chunks_in(victim.data), named_corpus(victim.data)
    workspace.close()
    whole = (victim.data / "instar.db").read_bytes()
    spoilt = bytes(100) + whole[100:]
    while victim.killed < share(0.1):
        if damaged:
            (victim.data / "instar.db").write_bytes(spoilt)
        victim.run(copy, "restore")
        if damaged and (victim.data / "instar.db").read_bytes()[:100] == bytes(100):
            assert (victim.data / "instar.db").read_bytes() == spoilt
            continue
        restored = named_corpus(victim.data) != former
        assert chunks_in(victim.data) == (kept if restored else later)
        answered = answer(victim.data, "ember combine part_2 f0007")
        assert answered.hits
        if restored and not damaged:  # put the former one back for the next kill
            workspace = Workspace(Settings(data=victim.data))
            workspace.index([root], SilentProgress())
            assert not workspace.verify().damage
            workspace.close()
            former = named_corpus(victim.data)
    workspace = Workspace(Settings(data=victim.data))
    workspace.restore(copy, SilentProgress())
    workspace.close()
    assert chunks_in(victim.data) == kept
    assert_ends_well(victim.data, [root], tmp_path)
