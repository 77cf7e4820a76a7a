"""What a backup of every store holds, what may be restored, and who is let go on afterwards."""

import random
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instar.adapters.stores.sqlite import backup
from instar.adapters.stores.sqlite.store import SqliteStore
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, SourceKind
from instar.domain.generations import QuerySide
from instar.domain.migrations import Cutover, Side, State
from instar.domain.models import ModelSpec, StorageFormat
from instar.errors import BusyError, DamagedError, LeaseLostError, SchemaError, UsageError
from instar.ports import CorpusWriter, SilentProgress, Store

SECONDS = 60.0
SPEC = ModelSpec("fake", "hash", "1", 4, "float32", "mean")
PAGE = 4_096
HEADER = 100
"""Bytes of the header of a SQLite file."""
SILENT = SilentProgress()
DOCUMENTS = 40
BATCH = 5
Make = Callable[[str], Store]


@pytest.fixture(params=[SqliteStore], ids=["sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Open the store of the data folder of this name."""
    return lambda name: request.param(tmp_path / name)


@pytest.fixture
def store(make: Make) -> Store:
    """Return one with some documents, their vectors and a migration on its way, of which somebody holds the lease."""
    made = make("data")
    with made.writing() as writer:
        write(writer, range(DOCUMENTS))
        generation = writer.create_generation(SPEC, StorageFormat.FLOAT32)
        embed(writer)
        writer.activate(generation.id, QuerySide())
        side = Side(generation.id, "fake", QuerySide())
        writer.migrations.start(side, side, made=False, cutover=Cutover.ASK, throttle="", actor="me", cause="asked for")
        writer.migrations.advance(1, State.BUILDING, "me", "begun", {"texts": 3})
        writer.migrations.take_lease("me", SECONDS, lambda _: False)
    return made


def write(writer: CorpusWriter, numbers: range) -> None:
    root = writer.add_root("/r")
    writer.write_documents(root.id, [document(number) for number in numbers], [])
    writer.finish_scan(root.id, complete=True, pending=0, skipped={})


def document(number: int) -> Document:
    chunk = Chunk(f"text {number}", 1, 2, "symbol", "function")
    return Document(
        path=f"{number}.py", size=10, mtime_ns=20, content_hash=b"h" * 16, reader_version="1", source=SourceKind.CODE,
        language="python", repository="", chunks=(chunk,),
    )  # fmt: skip


def embed(writer: CorpusWriter) -> None:
    while batch := writer.view().backlog(1, 100):
        ids = [text_id for text_id, _ in batch]
        raw = np.random.default_rng(ids[0]).standard_normal((len(ids), SPEC.dimensions))
        writer.put_vectors(1, ids, (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32), {})


def held(store: Store) -> dict[str, Any]:
    """Return everything there is but the name of the corpus and the lease."""
    with store.writing() as writer:
        view = writer.view()
        vectors = view.vectors_after(1, 0)
        return {
            "rows": list(writer.lexical_rows(None)),
            "states": writer.document_states(view.roots()[0].id),
            "vectors": {(i, vector.tobytes()) for i, vector in zip(vectors.text_ids, vectors.data, strict=True)},
            "pointer": view.pointer(),
            "migrations": [(migration, view.steps(migration.id)) for migration in view.migrations()],
            "sound": writer.check(),
        }


def paths(store: Store) -> list[str]:
    with store.writing() as writer:
        return sorted(row.path for row in writer.lexical_rows(None))


def corpus(store: Store) -> str:
    with store.snapshot() as snapshot:
        return snapshot.version.corpus


def test_what_is_restored_is_what_was_backed_up(store: Store, make: Make, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    other = make("other")
    other.restore(tmp_path / "copy", SILENT)
    assert held(other) == held(store)
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "other" / "instar.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_goes_back_over_what_came_later(store: Store, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    before = held(store)
    with store.writing() as writer:
        write(writer, range(DOCUMENTS, 3 * DOCUMENTS))
        writer.forget_root(1)
    store.restore(tmp_path / "copy", SILENT)
    assert held(store) == before
    assert [path.name for path in (tmp_path / "data").glob("*.new*")] == []


def test_each_restored_corpus_is_another_one_for_what_follows_it(store: Store, make: Make, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    names = {corpus(store)}
    for _ in range(2):
        store.restore(tmp_path / "copy", SILENT)
        names.add(corpus(store))
    assert len(names) == 3


def test_a_view_that_is_open_meanwhile_stays_as_it_is_and_the_next_one_sees_what_was_restored(
    store: Store, tmp_path: Path
) -> None:
    with store.writing() as writer:
        root = writer.view().roots()[0]
    store.backup(tmp_path / "copy", SILENT)
    with store.writing() as writer:
        writer.forget_root(root.id)
    with store.snapshot() as before:
        assert before.roots() == []
        store.restore(tmp_path / "copy", SILENT)
        assert before.roots() == []
    with store.snapshot() as after:
        assert after.roots() == [root]


class Writing:
    """Writes at each step of a backup, as another process would."""

    def __init__(self, other: Store) -> None:
        self._other = other
        self.steps = 0

    def step(self, phase: str, done: int, total: int | None) -> None:
        self.steps += 1
        if self.steps < DOCUMENTS:  # so that it comes to an end even where each write has it begin anew
            with self._other.writing() as writer:
                write(writer, range(DOCUMENTS * self.steps, DOCUMENTS * self.steps + BATCH))


def test_what_is_written_between_its_steps_is_not_in_a_backup(
    store: Store, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PAGES_A_STEP", 4)
    before, writing = paths(store), Writing(make("data"))
    store.backup(tmp_path / "copy", writing)
    assert BATCH < writing.steps < DOCUMENTS
    other = make("other")
    other.restore(tmp_path / "copy", SILENT)
    assert paths(other) == before != paths(store)


def test_a_backup_made_while_another_writes_holds_whole_transactions(store: Store, make: Make, tmp_path: Path) -> None:
    """Each transaction writes some documents; the writer goes on until the last copy is made."""
    begun, done = threading.Event(), threading.Event()

    def keep_writing() -> None:
        with make("data").writing() as writer:
            number = DOCUMENTS
            while not done.is_set():
                write(writer, range(number, number + BATCH))
                number += BATCH
                begun.set()

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        assert begun.wait(SECONDS)
        for turn in range(5):
            store.backup(tmp_path / f"copy{turn}", SILENT)
    finally:
        done.set()
        thread.join()
    for turn in range(5):
        other = make(f"other{turn}")
        other.restore(tmp_path / f"copy{turn}", SILENT)
        found = paths(other)
        assert found == sorted(f"{number}.py" for number in range(len(found)))
        assert len(found) > DOCUMENTS
        assert len(found) % BATCH == 0


def test_nobody_holds_the_lease_of_a_restored_corpus_and_who_did_is_stopped(store: Store, tmp_path: Path) -> None:
    with store.snapshot() as snapshot:
        former = snapshot.lease()
    assert former is not None
    store.backup(tmp_path / "copy", SILENT)
    store.restore(tmp_path / "copy", SILENT)
    with store.writing() as writer:
        with pytest.raises(LeaseLostError):
            writer.migrations.renew_lease(former, SECONDS)
        assert writer.migrations.take_lease("another", SECONDS, lambda _: False) is not None
        with pytest.raises(LeaseLostError):
            writer.migrations.renew_lease(former, SECONDS)


def test_a_backup_is_not_written_over_a_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(UsageError, match="there already"):
        store.backup(tmp_path / "copy", SILENT)
    assert (tmp_path / "copy").read_text() == "precious"


def test_a_backup_needs_a_folder_to_lie_in(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        store.backup(tmp_path / "none" / "copy", SILENT)


def test_of_no_corpus_there_is_no_backup(make: Make, tmp_path: Path) -> None:
    with pytest.raises(SchemaError):
        make("none").backup(tmp_path / "copy", SILENT)
    assert list(tmp_path.glob("*copy*")) == []


def test_a_restore_waits_for_the_writer(store: Store, make: Make, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    with store.writing(), pytest.raises(BusyError):
        make("data").restore(tmp_path / "copy", SILENT)


# What is refused changes nothing


def spoil_text(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE texts SET text = 'another' WHERE id = 7")
        connection.commit()


def spoil_pages(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(random.Random(1).randbytes(4 * PAGE))


def cut_off(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.truncate(copy.stat().st_size // 2)


def make_newer(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA user_version = 1000")


def make_foreign(copy: Path) -> None:
    copy.unlink()
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("CREATE TABLE notes (note TEXT)")


def make_folder(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


REFUSED: list[tuple[Callable[[Path], object], type[Exception]]] = [
    (spoil_text, DamagedError),
    (spoil_pages, DamagedError),
    (cut_off, DamagedError),
    (lambda copy: copy.write_text("These are notes of mine.\n" * 100), DamagedError),
    (lambda copy: copy.write_bytes(b""), SchemaError),
    (make_foreign, SchemaError),
    (make_newer, SchemaError),
    (Path.unlink, UsageError),
    (make_folder, UsageError),
]


@pytest.mark.parametrize(
    ("spoil", "error"),
    REFUSED,
    ids=["text", "pages", "short", "notes", "empty", "foreign", "newer", "missing", "folder"],
)
def test_a_file_that_is_no_sound_backup_is_refused(
    spoil: Callable[[Path], object], error: type[Exception], store: Store, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    store.backup(copy, SILENT)
    before, name = held(store), corpus(store)
    spoil(copy)
    with pytest.raises(error, match="copy"):
        store.restore(copy, SILENT)
    assert (held(store), corpus(store)) == (before, name)
    assert [path.name for path in (tmp_path / "data").glob("*.new*")] == []


# What was lost comes back


@pytest.mark.parametrize("place", [0, HEADER, 2 * PAGE], ids=["header", "first page", "third page"])
def test_a_damaged_database_is_replaced(place: int, store: Store, make: Make, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    before = held(store)
    with (tmp_path / "data" / "instar.db").open("r+b") as file:
        file.seek(place)
        file.write(random.Random(1).randbytes(3 * PAGE - place))
    other = make("data")
    other.restore(tmp_path / "copy", SILENT)
    assert held(other) == before


def test_a_log_left_beside_a_database_that_is_gone_is_not_taken_for_that_of_the_restored_one(
    store: Store, make: Make, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    store.backup(tmp_path / "copy", SILENT)
    before = held(store)
    with store.writing() as writer:
        write(writer, range(DOCUMENTS, 2 * DOCUMENTS))
        shutil.copy(data / "instar.db-wal", tmp_path / "log")
    (data / "instar.db").unlink()
    shutil.copy(tmp_path / "log", data / "instar.db-wal")
    other = make("data")
    other.restore(tmp_path / "copy", SILENT)
    assert held(other) == before


def test_another_programs_database_is_left_alone(store: Store, make: Make, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy", SILENT)
    (tmp_path / "theirs").mkdir()
    theirs = tmp_path / "theirs" / "instar.db"
    theirs.touch()
    make_foreign(theirs)
    before = theirs.read_bytes()
    with pytest.raises(SchemaError):
        make("theirs").restore(tmp_path / "copy", SILENT)
    assert theirs.read_bytes() == before
