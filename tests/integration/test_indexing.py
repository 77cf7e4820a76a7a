"""Following a folder: what is read, what is kept, what is dropped."""

import os
import shutil
import sqlite3
import time
from dataclasses import replace

import pytest

from instar.adapters.sources.tree import TreeSource
from instar.domain.canaries import CANARIES
from instar.domain.search import Mode, Place, Scope, SearchRequest
from instar.ports import Embedded, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace


class CountingEmbedder(HashEmbedder):
    """Counts the texts it was given, without those by which it is known again."""

    def __init__(self):
        super().__init__()
        self.embedded = 0

    def embed_documents(self, texts):
        self.embedded += len(set(texts) - set(CANARIES))
        return super().embed_documents(texts)


@pytest.fixture
def embedder():
    return CountingEmbedder()


@pytest.fixture
def workspace(tmp_path, embedder):
    opened = Workspace(Settings(data=tmp_path / "data"), embedder)
    yield opened
    opened.close()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "retry.py").write_text("def retry_delay(attempt):\n    return 2**attempt\n")
    (folder / "src" / "login.py").write_text("def check_password(name):\n    return name in users\n")
    (folder / "README.md").write_text("# Project\n\nAn example about penguins.\n")
    for path in folder.rglob("*"):
        age(path)
    return folder


def age(path, seconds=60):
    """Make a file old enough that its time stamp is trusted."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - seconds * 1_000_000_000))


def index(workspace, *roots, **options):
    return workspace.index(list(roots), SilentProgress(), **options)


def paths(workspace, query, **scope):
    answer = workspace.search(SearchRequest(query, Scope(**scope), mode=Mode.LEXICAL))
    return [hit.path for hit in answer.hits]


def contents(workspace):
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        return db.execute(
            "SELECT d.path, start_line, end_line, text FROM chunks c JOIN documents d ON d.id = document_id"
            " JOIN texts t ON t.id = text_id ORDER BY 1, 2, 3"
        ).fetchall()


def test_everything_is_read_once(workspace, root, embedder):
    (first,) = index(workspace, root)
    (second,) = index(workspace, root)
    assert (first.read, first.removed, first.pending) == (3, 0, 0)
    assert (second.read, second.removed) == (0, 0)
    assert embedder.embedded == len(contents(workspace))


def test_a_changed_file_is_followed_and_only_its_new_text_embedded(workspace, root, embedder):
    index(workspace, root)
    before = embedder.embedded
    (root / "src" / "login.py").write_text("def verify_token(name):\n    return name in tokens\n")
    (report,) = index(workspace, root)
    assert report.read == 1
    assert embedder.embedded == before + 1
    assert paths(workspace, "verify_token") == ["src/login.py"]
    assert paths(workspace, "check_password") == []


def test_a_deleted_file_is_gone_with_its_text_and_vectors(workspace, root):
    index(workspace, root)
    (root / "README.md").unlink()
    (report,) = index(workspace, root)
    assert report.removed == 1
    assert paths(workspace, "penguins") == []
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        assert db.execute("SELECT count(*) FROM texts WHERE text LIKE '%penguins%'").fetchone() == (0,)
        texts, vectors = (db.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("texts", "vectors"))
        assert texts == vectors


def test_a_renamed_file_is_not_embedded_again(workspace, root, embedder):
    index(workspace, root)
    before = embedder.embedded
    (root / "src" / "login.py").rename(root / "src" / "signin.py")
    index(workspace, root)
    assert embedder.embedded == before
    assert paths(workspace, "check_password") == ["src/signin.py"]


def test_what_was_renamed_goes_on_answering_and_keeps_its_vectors_while_it_is_unread(workspace, root, embedder):
    index(workspace, root)
    before = embedder.embedded
    (root / "src").rename(root / "lib")
    (report,) = index(workspace, root, seconds=0.0)
    assert report.removed == 0
    assert paths(workspace, "check_password") == ["src/login.py"]
    index(workspace, root)
    assert paths(workspace, "check_password") == ["lib/login.py"]
    assert embedder.embedded == before


def test_a_touched_file_is_not_stored_again(workspace, root, embedder):
    index(workspace, root)
    age(root / "src" / "login.py", seconds=-30)
    (report,) = index(workspace, root)
    assert report.read == 0
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        (stamp,) = db.execute("SELECT mtime_ns FROM documents WHERE path = 'src/login.py'").fetchone()
    assert stamp == (root / "src" / "login.py").stat().st_mtime_ns


def test_a_change_in_the_same_tick_as_the_reading_is_not_missed(workspace, root):
    path = root / "src" / "login.py"
    tick = time.time_ns() + 10**9  # whenever the file is read, its stamp is not older than the race it guards against
    path.write_text("def first(): pass\n")
    os.utime(path, ns=(tick, tick))
    index(workspace, root)
    path.write_text("def other(): pass\n")
    os.utime(path, ns=(tick, tick))
    index(workspace, root)
    assert paths(workspace, "other") == ["src/login.py"]


def test_rebuilding_reads_all_and_changes_nothing(workspace, root):
    index(workspace, root)
    before = contents(workspace)
    (report,) = index(workspace, root, reread=True)
    assert report.read == 3
    assert contents(workspace) == before


def test_an_ignored_file_leaves_the_index(workspace, root):
    index(workspace, root)
    (root / ".instarignore").write_text("README.md\n")
    index(workspace, root)
    assert paths(workspace, "penguins") == []


def test_a_missing_root_is_kept(workspace, root, tmp_path):
    index(workspace, root)
    before = contents(workspace)
    root.rename(tmp_path / "elsewhere")
    (report,) = index(workspace, root)
    assert report.missing
    assert contents(workspace) == before
    assert paths(workspace, "penguins") == ["README.md"]


def test_copies_are_stored_and_embedded_once_and_answer_once(workspace, root, tmp_path, embedder):
    index(workspace, root)
    before = embedder.embedded
    copy = tmp_path / "worktree"
    shutil.copytree(root, copy)
    index(workspace, copy)
    assert embedder.embedded == before
    assert paths(workspace, "check_password") == ["src/login.py"]
    for place in workspace.roots():
        scope = Scope(places=(Place(place.id),))
        (hit,) = workspace.search(SearchRequest("check_password", scope, mode=Mode.LEXICAL)).hits
        assert hit.root == place.path


def test_a_nested_root_doubles_nothing(workspace, root):
    index(workspace, root / "src")
    index(workspace, root)
    assert sorted(row[0] for row in contents(workspace)) == ["README.md", "login.py", "retry.py"]


def test_texts_that_are_gone_do_not_keep_the_living_out_of_the_vector_arm(workspace, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(2_400):
        (many / f"{number}.txt").write_text(f"walrus penguin{number} {'gone' if number % 2 else 'stays'}")
    index(workspace, many)
    for number in range(1, 2_400, 2):
        (many / f"{number}.txt").unlink()
    index(workspace, many)
    answer = workspace.search(SearchRequest("walrus gone", mode=Mode.VECTOR))
    assert len(answer.hits) == 10
    assert answer.degraded is None


def test_a_text_is_found_while_the_lexical_index_knows_only_its_former_chunk(workspace, root):
    index(workspace, root)
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        db.execute("UPDATE chunks SET id = id + 1000")
        db.execute("INSERT INTO changes (document_id) SELECT id FROM documents")
    hit = workspace.search(SearchRequest("penguins")).hits[0]
    assert (hit.path, hit.lexical_rank) == ("README.md", 1)


def test_mended_vectors_are_not_counted_as_pending(workspace, root):
    index(workspace, root)
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        db.execute("UPDATE vectors SET checksum = 0 WHERE text_id = 1")
    assert workspace.verify().mended
    assert workspace.search(SearchRequest("penguins")).pending == 0


def test_a_root_that_vanishes_while_it_is_read_is_missing(workspace, root, tmp_path, monkeypatch):
    read = TreeSource.read

    def vanish(self, path):
        if root.exists():
            root.rename(tmp_path / "elsewhere")
        return read(self, path)

    monkeypatch.setattr(TreeSource, "read", vanish)
    (report,) = index(workspace, root)
    assert report.missing or report.skipped


def test_a_file_without_text_is_not_opened_again_before_it_changes(workspace, root, monkeypatch):
    image = root / "logo.png"
    image.write_bytes(b"\x89PNG\0\0" * 20)
    age(image)
    opened = []
    read = TreeSource.read

    def noted(self, path):
        opened.append(path)
        return read(self, path)

    monkeypatch.setattr(TreeSource, "read", noted)
    (first,) = index(workspace, root)
    assert "logo.png" in opened
    opened.clear()
    (second,) = index(workspace, root)
    assert opened == []
    assert (first.read, first.skipped) == (3, {"binary": 1})
    assert (second.read, second.skipped) == (0, {"binary": 1})
    image.write_text("now it is text about a walrus")
    (third,) = index(workspace, root)
    assert (third.read, third.skipped) == (1, {})
    assert paths(workspace, "walrus") == ["logo.png"]


def test_forgetting_a_root_leaves_the_others(workspace, root, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.md").write_text("# Walrus\n\nA page about a walrus.\n")
    index(workspace, root, other)
    workspace.forget(next(r for r in workspace.roots() if r.path == str(other)))
    assert paths(workspace, "walrus") == []
    assert paths(workspace, "penguins") == ["README.md"]
    assert [r.path for r in workspace.roots()] == [str(root)]


def test_a_run_out_of_time_says_what_is_pending_and_goes_on_later(workspace, root):
    (report,) = index(workspace, root, seconds=0)
    assert not report.read
    answer = workspace.search(SearchRequest("penguins"))
    assert answer.indexed_at is None
    index(workspace, root)
    assert workspace.search(SearchRequest("penguins")).indexed_at is not None


def test_text_is_found_by_words_while_vectors_are_missing(workspace, root):
    index(workspace, root)
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        db.execute("DELETE FROM vectors")
        db.execute("UPDATE generations SET filled_to = 0")
    answer = workspace.search(SearchRequest("penguins"))
    assert answer.hits[0].path == "README.md"
    assert answer.hits[0].vector_rank is None
    assert answer.pending == 3
    index(workspace, root)
    assert workspace.search(SearchRequest("penguins")).pending == 0


def test_vectors_that_vanished_are_found_missing_by_set(workspace, root):
    index(workspace, root)
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        db.execute("DELETE FROM vectors WHERE text_id = 1")
    index(workspace, root)
    with workspace.store.snapshot() as snapshot:
        assert snapshot.completeness(1).missing == 0


def test_a_new_reader_version_reads_again(workspace, root, monkeypatch):
    index(workspace, root)
    with sqlite3.connect(workspace.settings.data / "instar.db") as db:
        db.execute("UPDATE documents SET reader_version = 'older'")
    (report,) = index(workspace, root)
    assert report.read == 3


def test_unsound_vectors_are_put_in_quarantine_and_named(tmp_path, root):
    class Broken(HashEmbedder):
        def embed_documents(self, texts):
            vectors = super().embed_documents(texts).vectors
            vectors[["penguins" in text for text in texts]] = float("nan")
            return Embedded(vectors)

    workspace = Workspace(Settings(data=tmp_path / "data"), Broken())
    index(workspace, root)
    with workspace.store.snapshot() as snapshot:
        generation = snapshot.active_generation()
        assert generation is not None
        state = snapshot.completeness(generation.id)
    assert (state.missing, state.quarantined) == (1, 1)
    assert paths(workspace, "penguins") == ["README.md"]
    workspace.close()


def test_files_are_found_by_a_searcher_opened_before(workspace, root, tmp_path, embedder):
    index(workspace, root)
    reader = Workspace(replace(workspace.settings), embedder)
    assert paths(reader, "walrus") == []
    (root / "new.md").write_text("# Walrus\n")
    index(workspace, root)
    assert paths(reader, "walrus") == ["new.md"]
    reader.close()
