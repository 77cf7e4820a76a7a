"""Damage to the database itself is reported and never served; other databases are left alone."""

import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from instar.domain.search import Mode, SearchAnswer, SearchRequest
from instar.errors import DamagedError, InstarError, SchemaError
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

FILES = 12
TRIES = int(os.environ.get("INSTAR_DAMAGES", "40"))
"""Random damages; thousands were tried while this was written."""
QUESTION = "part_3 ember combine"
PAGE = 4_096
BACK_TO_1 = (
    "DROP INDEX chunks_of_turn",
    "ALTER TABLE chunks DROP COLUMN turn_id",
    "ALTER TABLE changes DROP COLUMN chunk_id",
    "ALTER TABLE roots DROP COLUMN sessions",
    "ALTER TABLE documents DROP COLUMN skipped",
    "DROP TABLE touches",
    "DROP TABLE turns",
    "DROP TABLE sessions",
    "ALTER TABLE generations DROP COLUMN proved_to",
    "ALTER TABLE generations DROP COLUMN changed",
    "DROP TABLE canaries",
    "DROP TABLE cut",
    "ALTER TABLE pointer DROP COLUMN query",
    "DROP TABLE steps",
    "DROP TABLE migrations",
    "DROP TABLE lease",
    "PRAGMA user_version = 1",
)
"""What leads from the tables of today to those of the first version."""

Write = Callable[[Path, range, int], None]
Command = Callable[..., subprocess.CompletedProcess[str]]


def opened(data: Path) -> Workspace:
    """Open a data folder as a fresh process would."""
    return Workspace(Settings(data=data), HashEmbedder())


def answer(data: Path, mode: Mode = Mode.HYBRID, question: str = QUESTION, limit: int = 200) -> SearchAnswer:
    workspace = opened(data)
    try:
        return workspace.search(SearchRequest(question, mode=mode, limit=limit))
    finally:
        workspace.close()


def pack(workspace: Workspace) -> None:
    """Pack the vectors, though they are few."""
    with workspace.store.writing() as writer:
        for generation in writer.view().generations():
            end, _ = writer.vector_position(generation.id)
            workspace.vectors_of(generation).pack(writer.vector_batches(generation.id), end)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, write_tree: Write) -> Path:
    """Return a folder that holds `root` and its index in `data`."""
    folder = tmp_path_factory.mktemp("sound")
    write_tree(folder / "root", range(FILES), 1)
    workspace = opened(folder / "data")
    workspace.index([folder / "root"], SilentProgress())
    workspace.close()
    return folder


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound / "data", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def database(data: Path) -> Path:
    return data / "instar.db"


def overwrite(database: Path, place: int, new: bytes) -> None:
    """Change bytes of the file behind SQLite's back."""
    with database.open("r+b") as file:
        file.seek(place)
        file.write(new)


def query(database: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


# Flipped bytes


@pytest.mark.parametrize("new", [b"Xeneration", b"\xff\xfe\xfd"], ids=["other text", "not UTF-8"])
def test_a_damaged_text_is_reported_and_not_served(
    data: Path, database: Path, new: bytes, instar_command: Command
) -> None:
    place = database.read_bytes().index(b"Generation gen1x of f0007, part 3")
    overwrite(database, place, new)
    with pytest.raises(DamagedError) as refused:
        answer(data)
    assert "gen1x" not in str(refused.value)  # what is stored is not for error messages
    assert "\n" not in str(refused.value)
    assert answer(data, Mode.LEXICAL, "f0002", limit=3).hits  # what is sound is still found
    checked = instar_command("verify", "--data", data)
    assert checked.returncode == 4
    assert checked.stdout.startswith("damaged: 1 texts do not fit their hashes")
    assert checked.stderr.count("\n") == 1
    assert checked.stderr.startswith("instar: the database is damaged; restore a backup")


def test_a_damaged_name_of_a_table_is_reported(data: Path, database: Path) -> None:
    """SQLite quotes it in its message, which then is no text either."""
    place = database.read_bytes().index(b"tabledocumentsdocuments")
    overwrite(database, place + len("tabledocu"), b"\xcf")
    with pytest.raises(DamagedError, match=r"the tables of the database .* are damaged"):
        answer(data)


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_vector_is_made_again(data: Path, database: Path, packed: bool) -> None:
    before = answer(data, Mode.VECTOR)
    ((blob,),) = query(
        database, "SELECT data FROM vectors JOIN texts ON texts.id = text_id WHERE text LIKE '%of f0007, part 3%'"
    )
    assert isinstance(blob, bytes)
    if packed:
        workspace = opened(data)
        pack(workspace)
        workspace.close()
    place = database.read_bytes().index(blob)
    overwrite(database, place + 8, bytes(255 - byte for byte in blob[8:16]))
    if packed:
        assert answer(data, Mode.VECTOR).hits == before.hits  # the pack was made before
    else:
        with pytest.raises(DamagedError, match="`instar verify` has such vectors made again"):
            answer(data, Mode.VECTOR)
    workspace = opened(data)
    found = workspace.verify()
    assert (found.damage, len(found.mended)) == ((), 1)
    assert workspace.verify().mended == ()
    workspace.close()
    assert {hit.text: hit.vector_score for hit in answer(data, Mode.VECTOR).hits} == {
        hit.text: hit.vector_score for hit in before.hits
    }


def test_a_damaged_vector_is_not_packed(data: Path, database: Path) -> None:
    ((blob,),) = query(database, "SELECT data FROM vectors WHERE sequence = 5")
    assert isinstance(blob, bytes)
    overwrite(database, database.read_bytes().index(blob) + 8, b"\x55\x55\x55")
    workspace = opened(data)
    with pytest.raises(DamagedError):
        pack(workspace)
    workspace.close()


def test_verify_mends_a_vector_that_was_packed_damaged(data: Path, database: Path) -> None:
    """A pack may hold a row that was damaged when it was packed; it goes with the row."""
    workspace = opened(data)
    pack(workspace)
    workspace.close()
    before = answer(data, Mode.VECTOR)
    ((blob,),) = query(database, "SELECT data FROM vectors WHERE sequence = 5")
    assert isinstance(blob, bytes)
    overwrite(database, database.read_bytes().index(blob) + 8, b"\x55\x55\x55")
    workspace = opened(data)
    workspace.verify()
    workspace.close()
    scores = [(hit.text, hit.vector_score) for hit in answer(data, Mode.VECTOR).hits]
    assert sorted(scores) == sorted((hit.text, hit.vector_score) for hit in before.hits)


def test_random_damage_is_reported_or_harmless(data: Path, database: Path) -> None:
    """No text is served that was not indexed, and no error is raised but ours."""
    seed = int(os.environ.get("INSTAR_SEED", str(random.randrange(10**6))))
    print(f"INSTAR_SEED={seed}")
    dice = random.Random(seed)
    whole = database.read_bytes()
    texts = {str(text) for (text,) in query(database, "SELECT text FROM texts")}
    refused: list[InstarError] = []
    for _ in range(TRIES):
        place = dice.randrange(len(whole) // PAGE) * PAGE + dice.choice([dice.randrange(100), dice.randrange(PAGE)])
        database.unlink()
        database.write_bytes(whole)
        overwrite(database, place, dice.randbytes(dice.choice([1, 2, 16])))
        print(place)
        for mode in Mode:
            try:
                assert {hit.text for hit in answer(data, mode).hits} <= texts
            except InstarError as error:
                refused.append(error)
        workspace = opened(data)
        try:
            workspace.verify()
            workspace.index([Path(root.path) for root in workspace.roots()], SilentProgress())
        except InstarError as error:
            refused.append(error)
        finally:
            workspace.close()
            for name in ("instar.db-wal", "instar.db-shm"):
                (data / name).unlink(missing_ok=True)
    assert {error.exit_code for error in refused} == {4}
    assert not [error for error in refused if "\n" in str(error)]


@pytest.mark.parametrize("size", [50, 100, PAGE - 1, PAGE, 10 * PAGE + 17])
def test_a_truncated_database_is_refused_in_one_line(
    data: Path, database: Path, size: int, instar_command: Command, sound: Path
) -> None:
    with database.open("r+b") as file:
        file.truncate(size)
    for command in (("search", QUESTION), ("index",), ("verify",), ("status",)):
        refused = instar_command(*command, "--data", data, cwd=sound / "root")
        assert refused.returncode == 4, refused.stderr
        assert refused.stderr.count("\n") == 1, refused.stderr
        assert refused.stderr.startswith("instar: ")
    assert database.stat().st_size == size


# Other databases


def refused_and_untouched(data: Path, instar_command: Command, sound: Path, said: str) -> None:
    database = data / "instar.db"
    before = database.read_bytes()
    for command in (("search", QUESTION), ("index",), ("verify",), ("status",), ("roots",)):
        refused = instar_command(*command, "--data", data, cwd=sound / "root")
        assert refused.returncode == 4, refused.stderr
        assert refused.stderr.count("\n") == 1
        assert said in refused.stderr
    assert database.read_bytes() == before


def test_a_newer_schema_is_refused(data: Path, database: Path, instar_command: Command, sound: Path) -> None:
    query(database, "PRAGMA user_version = 99")
    refused_and_untouched(data, instar_command, sound, "schema version 99")


def test_an_older_schema_is_brought_up_to_date(data: Path, database: Path, sound: Path) -> None:
    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    columns = "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY m.name, c.name"
    newest, expected = query(database, columns), [row[:2] for row in query(database, schema)]
    before = answer(data)
    for statement in BACK_TO_1:
        query(database, statement)
    assert query(database, columns) != newest
    assert answer(data).hits == before.hits  # a reader has it done
    assert query(database, columns) == newest
    assert [row[:2] for row in query(database, schema)] == expected
    workspace = opened(data)
    workspace.index([sound / "root"], SilentProgress())
    assert (workspace.verify().damage, workspace.verify().mended) == ((), ())
    workspace.close()


def test_a_schema_before_the_first_is_refused(data: Path, database: Path) -> None:
    query(database, "PRAGMA user_version = 0")
    before = database.read_bytes()
    with pytest.raises(SchemaError):
        opened(data).index([], SilentProgress())
    assert database.read_bytes() == before


def test_the_database_of_another_program_is_refused(tmp_path: Path, instar_command: Command, sound: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    query(data / "instar.db", "CREATE TABLE bookmarks (url)")
    refused_and_untouched(data, instar_command, sound, "was not made by Instar; name another folder with --data")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, instar_command: Command, sound: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "instar.db").write_text("a letter to my aunt, " * 1_000)
    refused_and_untouched(data, instar_command, sound, "instar: the database in")


def test_an_empty_database_is_filled(tmp_path: Path, sound: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "instar.db").touch()
    workspace = opened(data)
    assert not workspace.has_corpus()
    assert workspace.roots() == []
    workspace.index([sound / "root"], SilentProgress())
    assert len(workspace.search(SearchRequest(QUESTION)).hits) == 10
    workspace.close()


def test_the_log_of_a_lost_database_is_not_taken_for_that_of_a_new_one(data: Path, database: Path, sound: Path) -> None:
    workspace = opened(data)
    with workspace.store.snapshot() as reader:
        assert reader.roots()  # one that reads keeps the log from being emptied and removed
        workspace.index([sound / "root"], SilentProgress(), reread=True)
        log = Path(f"{database}-wal").read_bytes()
    workspace.close()
    assert log
    database.unlink()
    Path(f"{database}-shm").unlink(missing_ok=True)
    Path(f"{database}-wal").write_bytes(log)
    workspace = opened(data)
    workspace.index([sound / "root"], SilentProgress())
    assert workspace.verify().damage == ()
    workspace.close()


# Older and other copies


def assert_like_new(data: Path, root: Path, tmp_path: Path) -> None:
    """The next run leaves the same answers as an index made from nothing."""
    workspace = opened(data)
    workspace.index([root], SilentProgress())
    assert workspace.verify().damage == ()
    pack(workspace)
    assert workspace.verify().mended == ()
    workspace.close()
    new = opened(tmp_path / "new")
    new.index([root], SilentProgress())
    new.close()
    for path in root.iterdir():
        question = path.read_text()[:200]
        for mode in (Mode.LEXICAL, Mode.VECTOR):
            ours, theirs = answer(data, mode, question), answer(tmp_path / "new", mode, question)
            assert ours.degraded is None
            assert scores(ours, mode) == pytest.approx(scores(theirs, mode), abs=2e-3)
    shutil.rmtree(tmp_path / "new")


def scores(found: SearchAnswer, mode: Mode) -> dict[str, float]:
    """Return the score of each text in one arm."""
    return {hit.text: (hit.lexical_score if mode is Mode.LEXICAL else hit.vector_score) or 0.0 for hit in found.hits}


def test_an_older_database_beside_newer_derived_files(tmp_path: Path, write_tree: Write) -> None:
    """What is written after a restore takes the ids and positions that the derived files know with other content."""
    root, data = tmp_path / "root", tmp_path / "data"
    write_tree(root, range(8), 1)
    workspace = opened(data)
    workspace.index([root], SilentProgress())
    workspace.close()
    shutil.copy(data / "instar.db", tmp_path / "older.db")
    write_tree(root, range(4, 12), 2)
    workspace = opened(data)
    workspace.index([root], SilentProgress())
    pack(workspace)
    workspace.close()
    shutil.copy(data / "instar.db", tmp_path / "newer.db")

    shutil.copy(tmp_path / "older.db", data / "instar.db")
    assert answer(data).hits
    write_tree(root, range(2, 16), 3)
    assert_like_new(data, root, tmp_path)

    shutil.copy(tmp_path / "newer.db", data / "instar.db")  # the wrong copy: back to the other one
    assert answer(data).hits
    write_tree(root, range(6, 18), 4)
    assert_like_new(data, root, tmp_path)


def test_the_database_of_another_corpus(tmp_path: Path, write_tree: Write) -> None:
    for name, numbers in (("one", range(8)), ("two", range(100, 109))):
        write_tree(tmp_path / name / "root", numbers, 1)
        workspace = opened(tmp_path / name / "data")
        workspace.index([tmp_path / name / "root"], SilentProgress())
        pack(workspace)
        workspace.close()
    data = tmp_path / "one" / "data"
    shutil.copy(tmp_path / "two" / "data" / "instar.db", data / "instar.db")
    found = answer(data)
    assert found.degraded is not None
    assert {hit.path for hit in found.hits} <= {path.name for path in (tmp_path / "two" / "root").iterdir()}
    assert_like_new(data, tmp_path / "two" / "root", tmp_path)
