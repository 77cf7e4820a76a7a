"""Damage to what is derived from the database: searches go on, and the files are made anew."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from instar.adapters.sources.tree import TreeSource
from instar.domain.search import Mode, SearchAnswer, SearchRequest
from instar.domain.sources import Content, FileState
from instar.errors import DerivedDamageError
from instar.indexing.reading import read_document
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

FILES = 12
TRIES = int(os.environ.get("INSTAR_DAMAGES", "40"))
"""Random damages; thousands were tried while this was written."""
QUESTION = "part_3 ember combine"

Write = Callable[[Path, range, int], None]


def opened(data: Path) -> Workspace:
    """Open a data folder as a fresh process would."""
    return Workspace(Settings(data=data), HashEmbedder())


def pack(workspace: Workspace) -> None:
    """Pack the vectors, though they are few."""
    with workspace.store.writing() as writer:
        for generation in writer.view().generations():
            end, _ = writer.vector_position(generation.id)
            workspace.vectors_of(generation).pack(writer.vector_batches(generation.id), end)


def answer(data: Path, mode: Mode = Mode.HYBRID, question: str = QUESTION) -> SearchAnswer:
    workspace = opened(data)
    try:
        return workspace.search(SearchRequest(question, mode=mode, limit=200))
    finally:
        workspace.close()


def texts(found: SearchAnswer) -> set[str]:
    return {hit.text for hit in found.hits}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, write_tree: Write) -> Path:
    """Return a folder that holds `root` and its index in `data`."""
    folder = tmp_path_factory.mktemp("sound")
    write_tree(folder / "root", range(FILES), 1)
    workspace = opened(folder / "data")
    workspace.index([folder / "root"], SilentProgress())
    pack(workspace)
    write_tree(folder / "root", range(FILES, FILES + 2), 1)
    workspace.index([folder / "root"], SilentProgress())  # a second segment, and a tail outside the pack
    workspace.close()
    return folder


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound / "data", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def root(sound: Path) -> Path:
    return sound / "root"


def derived_files(data: Path) -> list[Path]:
    found = [path for name in ("lexical", "vectors") for path in (data / name).rglob("*") if path.is_file()]
    return sorted(path for path in found if not path.name.endswith(".lock"))


def flip(content: bytearray, dice: random.Random) -> None:
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def flip_near_the_end(content: bytearray, dice: random.Random) -> None:
    content[-1 - dice.randrange(min(len(content), 200))] ^= 1 << dice.randrange(8)


def flip_near_the_start(content: bytearray, dice: random.Random) -> None:
    content[dice.randrange(min(len(content), 128))] ^= 1 << dice.randrange(8)


def blank(content: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(content))
    content[start : start + 64] = bytes(len(content[start : start + 64]))


def truncate(content: bytearray, dice: random.Random) -> None:
    del content[dice.randrange(len(content)) :]


def lengthen(content: bytearray, dice: random.Random) -> None:
    content.extend(dice.randbytes(100))


def empty(content: bytearray, dice: random.Random) -> None:
    content.clear()


DAMAGES = (flip, flip_near_the_end, flip_near_the_start, blank, truncate, lengthen, empty)


def test_random_damage_never_breaks_a_search_and_is_mended(data: Path, root: Path) -> None:
    seed = int(os.environ.get("INSTAR_SEED", str(random.randrange(10**6))))
    print(f"INSTAR_SEED={seed}")
    dice = random.Random(seed)
    before = {mode: answer(data, mode) for mode in Mode}
    everything = {hit.text for hit in before[Mode.VECTOR].hits}
    for _ in range(TRIES):
        victim = dice.choice([path for path in derived_files(data) if path.stat().st_size])
        content = bytearray(victim.read_bytes())
        damage = dice.choice(DAMAGES)
        damage(content, dice)
        victim.unlink()  # what this process has mapped of it must stay: a file cut short under a mapping ends a process
        victim.write_bytes(content)
        print(victim.name, damage.__name__)
        for mode in Mode:
            assert texts(answer(data, mode)) <= everything
        workspace = opened(data)
        workspace.index([root], SilentProgress())
        assert not workspace.verify().damage
        assert workspace.verify().mended == ()
        pack(workspace)
        workspace.close()
        for mode in Mode:
            after = answer(data, mode)
            assert after.degraded is None
            assert texts(after) == texts(before[mode])


EACH_FILE = (
    *(".managed.json", "meta.json", "*.fast", "*.fieldnorm", "*.idx", "*.pos", "*.store", "*.term", "lexical"),
    *("manifest.json", "planes.npy", "codes.npy", "scales.npy", "ids.npy", "vectors"),
)


@pytest.mark.parametrize("pattern", EACH_FILE)
def test_a_lost_file_is_made_anew_by_the_next_index(data: Path, root: Path, pattern: str) -> None:
    before = {mode: answer(data, mode) for mode in Mode}
    for path in sorted(data.rglob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    degraded = answer(data)
    assert degraded.hits
    assert texts(answer(data, Mode.VECTOR)) == texts(before[Mode.VECTOR])  # what is not packed is read as it is
    if pattern in ("meta.json", "lexical", "*.term"):
        assert degraded.degraded is not None
        assert "`instar index`" in degraded.degraded
    workspace = opened(data)
    workspace.index([root], SilentProgress())
    workspace.close()
    for mode in Mode:
        after = answer(data, mode)
        assert after.degraded is None
        assert texts(after) == texts(before[mode])


@pytest.mark.parametrize("name", ["planes", "codes", "scales", "ids"])
def test_a_wrong_byte_in_packed_vectors_is_found_by_verify(data: Path, name: str) -> None:
    (path,) = data.rglob(f"{name}.npy")
    content = bytearray(path.read_bytes())
    content[-3] ^= 16
    path.unlink()
    path.write_bytes(content)
    assert answer(data).hits
    workspace = opened(data)
    assert any(f"{name}.npy" in problem for problem in workspace.verify().mended)
    assert workspace.verify().mended == ()
    workspace.close()


@pytest.mark.parametrize("suffix", [".fast", ".fieldnorm", ".idx", ".store", ".term"])
def test_a_wrong_byte_in_the_lexical_index_is_found_by_verify(data: Path, suffix: str) -> None:
    path = max(data.rglob(f"*{suffix}"), key=lambda found: found.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 16
    path.unlink()
    path.write_bytes(content)
    workspace = opened(data)
    assert any(path.name in problem or "lexical" in problem for problem in workspace.verify().mended)
    assert workspace.verify().mended == ()
    workspace.close()
    assert answer(data).degraded is None


def test_what_a_kill_left_of_a_commit_does_not_block_the_next(data: Path, root: Path, tmp_path: Path) -> None:
    """A file of a commit that was not completed has the name that the same commit gives it when it is made again."""
    file = tmp_path / "root" / "f0003.py"
    shutil.copytree(root, file.parent)
    workspace = opened(data)
    workspace.index([file.parent], SilentProgress())
    workspace.close()
    shutil.copytree(data, tmp_path / "completed")
    file.write_text("def another(): return 'quartz'\n")
    completed = opened(tmp_path / "completed")
    completed.index([file.parent], SilentProgress())
    completed.close()

    killed = opened(data)
    content = TreeSource(file.parent).read(file.name)
    assert isinstance(content, Content)
    document = read_document(FileState(file.name, file.stat().st_size, file.stat().st_mtime_ns), content)
    with killed.store.writing() as writer:
        (known,) = (known for known in writer.view().roots() if known.path == str(file.parent))
        writer.write_documents(known.id, [document], [])
    left_behind = list((tmp_path / "completed" / "lexical").glob("*.del"))
    assert left_behind
    for path in left_behind:
        if not (data / "lexical" / path.name).exists():
            shutil.copy(path, data / "lexical" / path.name)
    killed.index([file.parent], SilentProgress())
    killed.close()
    after = answer(data, Mode.LEXICAL, "quartz")
    assert (after.degraded, [hit.path for hit in after.hits]) == (None, [file.name])


def test_what_cannot_be_used_says_so(tmp_path: Path) -> None:
    workspace = opened(tmp_path)
    (tmp_path / "lexical").write_text("a file where a folder should be")
    assert workspace.lexical.position() is None
    with pytest.raises(DerivedDamageError) as refused:
        workspace.lexical.search("word", 5, SearchRequest("word").scope)
    assert "`instar index`" in str(refused.value)


def test_a_file_in_the_place_of_the_lexical_folder_is_replaced(data: Path, root: Path) -> None:
    shutil.rmtree(data / "lexical")
    (data / "lexical").write_text("not a folder")
    assert answer(data).hits
    workspace = opened(data)
    workspace.index([root], SilentProgress())
    workspace.close()
    assert answer(data).degraded is None
