"""What every store of the corpus must do."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from instar.adapters.stores.sqlite.store import SqliteStore
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, LexicalRow, SourceKind, Touched
from instar.domain.generations import Generation, QuerySide
from instar.domain.models import ModelSpec, StorageFormat
from instar.domain.search import Place, Scope
from instar.domain.vectors import decode, encode
from instar.errors import BusyError, SchemaError
from instar.ports import CorpusSnapshot, CorpusWriter, Store

NOW = 1_700_000_000.0
SPEC = ModelSpec("fake", "hash", "1", 4, "float32", "mean")


@pytest.fixture(params=[SqliteStore], ids=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path / "data", clock=lambda: NOW)
    return made


def document(path: str, *texts: str, **changes: Any) -> Document:
    """Return a document of one chunk of two lines a text."""
    chunks = tuple(Chunk(text, 2 * i + 1, 2 * i + 2, f"symbol{i}", "function") for i, text in enumerate(texts))
    values: dict[str, Any] = {
        "path": path, "size": 10, "mtime_ns": 20, "content_hash": b"h" * 16, "reader_version": "1",
        "source": SourceKind.CODE, "language": "python", "repository": "", "chunks": chunks,
    }  # fmt: skip
    return Document(**(values | changes))


def fill(writer: CorpusWriter, path: str, *documents: Document) -> int:
    """Store documents in the root `path` as one complete scan and return the root's id."""
    root = writer.add_root(path)
    writer.write_documents(root.id, documents, [])
    writer.finish_scan(root.id, complete=True, pending=0, skipped={})
    return root.id


def rows(writer: CorpusWriter, documents: Mapping[int, int] | None = None) -> list[LexicalRow]:
    """Return lexical rows in order."""
    return list(writer.lexical_rows(documents))


def texts(writer: CorpusWriter) -> list[str]:
    """Return the text of every chunk, by document and place."""
    return [row.text for row in rows(writer)]


def unit(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit vectors."""
    raw = np.random.default_rng(seed).standard_normal((count, SPEC.dimensions))
    vectors: NDArray[np.float32] = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def embed(writer: CorpusWriter, storage: StorageFormat = StorageFormat.FLOAT32, spec: ModelSpec = SPEC) -> Generation:
    """Return the generation of `spec`, complete and active."""
    generation = writer.create_generation(spec, storage)
    while batch := writer.view().backlog(generation.id, 100):
        ids = [text_id for text_id, _ in batch]
        writer.put_vectors(generation.id, ids, unit(len(ids), seed=ids[0]), {})
    writer.activate(generation.id, QuerySide())
    return generation


# Roots and documents


def test_a_new_store_has_no_view(store: Store) -> None:
    with pytest.raises(SchemaError), store.snapshot():
        pass


def test_a_root_is_added_once(store: Store) -> None:
    with store.writing() as writer:
        first = writer.add_root("/b")
        assert writer.add_root("/b") == first
        writer.add_root("/a")
        assert [root.path for root in writer.view().roots()] == ["/a", "/b"]
        assert (first.added_at, first.scanned_at, first.pending) == (NOW, None, 0)


def test_documents_are_read_back_as_they_were_written(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one", "two", repository="repo"))
        state = writer.document_states(root)["a.py"]
        assert (state.size, state.mtime_ns, state.content_hash, state.reader_version) == (10, 20, b"h" * 16, "1")
        found = rows(writer)
        assert [(row.text, row.symbol, row.path, row.language, row.repository, row.root_id) for row in found] == [
            ("one", "symbol0", "a.py", "python", "repo", root),
            ("two", "symbol1", "a.py", "python", "repo", root),
        ]
        chunk = writer.view().chunk_rows([found[1].chunk_id])[found[1].chunk_id]
        assert (chunk.root, chunk.path, chunk.start_line, chunk.end_line) == ("/r", "a.py", 3, 4)
        assert (chunk.text, chunk.symbol, chunk.kind, chunk.source) == ("two", "symbol1", "function", "code")


@pytest.mark.parametrize("text", ["", "\0", "naïve — 漢字 🙂", "x" * 4_000, "'; DROP TABLE texts; --"])
def test_any_text_is_kept_as_it_is(store: Store, text: str) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", text))
        assert texts(writer) == [text]


def test_a_document_without_chunks_is_remembered(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("blank.py"))
        assert list(writer.document_states(root)) == ["blank.py"]
        assert rows(writer) == []


def test_replacing_a_document_replaces_all_its_chunks(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one", "two", "three"), document("b.py", "kept"))
        before = writer.document_states(root)["a.py"].id
        fill(writer, "/r", document("a.py", "four"))
        assert writer.document_states(root)["a.py"].id == before
        assert texts(writer) == ["four", "kept"]


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"))
        unstorable = document("c.py", "five", language="\ud800")
        with pytest.raises(UnicodeEncodeError):
            writer.write_documents(root, [document("a.py", "two"), document("b.py", "three"), unstorable], [])
        assert texts(writer) == ["one"]


def test_touching_changes_the_time_stamp_alone(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"))
        state = writer.document_states(root)["a.py"]
        end = writer.log_position()
        writer.write_documents(root, [], [Touched(state.id, 11, 99)])
        touched = writer.document_states(root)["a.py"]
        assert (touched.size, touched.mtime_ns, touched.content_hash) == (11, 99, state.content_hash)
        assert writer.log_position() == end


def test_copies_of_a_text_are_stored_once(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/a", document("a.py", "same", "same"))
        fill(writer, "/b", document("b.py", "same"))
        assert len(rows(writer)) == 3
        assert len({row.text_id for row in rows(writer)}) == 1
        generation = writer.create_generation(SPEC, StorageFormat.INT8)
        assert [text for _, text in writer.view().backlog(generation.id, 10)] == ["same"]


def test_a_text_that_moves_keeps_its_vector(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("old.py", "moved"))
        generation = embed(writer)
        writer.write_documents(root, [document("new.py", "moved")], [])
        writer.delete_documents([writer.document_states(root)["old.py"].id])
        writer.finish_scan(root, complete=True, pending=0, skipped={})
        assert writer.view().backlog(generation.id, 10) == []
        assert writer.vector_position(generation.id)[1] == 1


def test_texts_of_no_chunk_go_at_the_end_of_a_complete_scan(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "old"), document("b.py", "other"))
        generation = embed(writer)
        writer.write_documents(root, [document("a.py", "new")], [])
        writer.finish_scan(root, complete=False, pending=1, skipped={})
        assert writer.vector_position(generation.id)[1] == 2
        writer.finish_scan(root, complete=True, pending=0, skipped={})
        assert writer.vector_position(generation.id)[1] == 1
        assert writer.view().completeness(generation.id).texts == 2


def test_a_scan_is_noted(store: Store) -> None:
    with store.writing() as writer:
        root = writer.add_root("/r")
        writer.add_root("/never")
        writer.finish_scan(root.id, complete=False, pending=7, skipped={})
        assert writer.view().freshness([root.id]).indexed_at is None
        assert writer.view().freshness([root.id]).pending == 7
        writer.finish_scan(root.id, complete=True, pending=0, skipped={"binary": 3})
        assert writer.view().freshness([root.id]).indexed_at == NOW
        assert writer.view().freshness(None).indexed_at is None  # the other root was never scanned


def test_forgetting_leaves_other_roots_alone(store: Store) -> None:
    with store.writing() as writer:
        left = fill(writer, "/left", document("a.py", "only here"), document("b.py", "shared"))
        fill(writer, "/kept", document("a.py", "shared"), document("c.py", "other"))
        generation = embed(writer)
        writer.forget_root(left)
        assert [root.path for root in writer.view().roots()] == ["/kept"]
        assert sorted(texts(writer)) == ["other", "shared"]
        assert writer.document_states(left) == {}
        assert writer.vector_position(generation.id)[1] == 2
        assert writer.check().problems == ()
        writer.forget_root(left)  # again: nothing is there to forget
        assert [root.path for root in writer.view().roots()] == ["/kept"]


def test_a_forgotten_root_leaves_no_trace_in_the_files(store: Store, tmp_path: Path) -> None:
    """Neither the last version nor a former one, neither texts nor paths, neither rows nor free pages nor the log.

    Documents of two roots take turns and change their lengths, so that rows move about within the file.
    """
    dice = random.Random(7)

    def some(mark: str, version: int) -> list[Document]:
        return [
            document(
                f"{mark}{dice.randrange(10**6)}/{i % 40}.py",
                chunks=tuple(
                    Chunk(f"{mark}{version} {i} {part} " + "word " * dice.randrange(90), 1, 1, f"{mark}{part}")
                    for part in range(dice.randrange(12))
                ),
            )
            for i in range(40)
        ]

    with store.writing() as writer:
        left, kept = writer.add_root("/leftbehind"), writer.add_root("/keptaround")
        for version in range(30):
            writer.write_documents(left.id, some("leftbehind", version), [])
            writer.write_documents(kept.id, some("keptaround", version), [])
            gone = [state.id for state in writer.document_states(left.id).values()][version::3]
            writer.delete_documents(gone)
            writer.finish_scan(left.id, complete=True, pending=0, skipped={})
        embed(writer)
    with store.writing() as writer:
        writer.forget_root(left.id)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(b"keptaround29 7" in content for content in files.values())
    assert not [path.name for path, content in files.items() if b"leftbehind" in content]


# The change log


def test_the_log_names_what_changed_since(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"), document("b.py", "two"))
        start = writer.log_position()
        assert writer.changed_documents(start.sequence) == ({}, start)
        writer.write_documents(root, [document("b.py", "three"), document("c.py", "four")], [])
        writer.delete_documents([writer.document_states(root)["a.py"].id])
        states = writer.document_states(root)
        found = writer.changed_documents(start.sequence)
        assert found is not None
        changed, end = found
        assert end == writer.log_position()
        assert end.corpus == start.corpus
        assert end.sequence > start.sequence
        assert [row.text for row in rows(writer, changed)] == ["three", "four"]
        assert set(changed) == {1, states["b.py"].id, states["c.py"].id}


def test_the_log_does_not_reach_back_beyond_what_was_pruned_nor_forward(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"))
        first = writer.log_position().sequence
        writer.write_documents(root, [document("b.py", "two")], [])
        end = writer.log_position().sequence
        writer.prune_log(first)
        assert writer.changed_documents(first) is not None
        assert writer.changed_documents(0) is None
        assert writer.changed_documents(end + 1) is None
        assert writer.log_position().sequence == end


def test_a_renewed_identity_is_another_corpus(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one"))
        before = writer.log_position()
        writer.renew_identity()
        after = writer.log_position()
        assert (after.corpus != before.corpus, after.sequence) == (True, before.sequence)
        assert texts(writer) == ["one"]


def test_ids_and_sequences_are_never_used_again(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"))
        first = rows(writer)[0]
        generation = embed(writer)
        sequence = writer.vector_position(generation.id)[0].sequence
        writer.delete_documents([first.document_id])
        writer.finish_scan(root, complete=True, pending=0, skipped={})
        fill(writer, "/r", document("a.py", "two"))
        second = rows(writer)[0]
        assert second.document_id > first.document_id
        assert second.chunk_id > first.chunk_id
        assert second.text_id > first.text_id
        embed(writer)
        assert writer.vector_position(generation.id)[0].sequence > sequence


# Generations and vectors


def test_a_generation_is_made_once_a_fingerprint(store: Store) -> None:
    with store.writing() as writer:
        made = writer.create_generation(SPEC, StorageFormat.INT8)
        assert writer.create_generation(SPEC, StorageFormat.INT8) == made
        other = writer.create_generation(SPEC, StorageFormat.FLOAT16)
        assert other.fingerprint != made.fingerprint
        assert writer.view().generations() == [made, other]
        assert (made.model, made.storage, made.created_at) == (SPEC, StorageFormat.INT8, NOW)
        assert writer.view().active_generation() is None
        writer.activate(other.id, QuerySide())
        assert writer.view().active_generation() == other
        writer.activate(made.id, QuerySide())
        assert writer.view().active_generation() == made


def test_the_backlog_is_what_has_neither_vector_nor_quarantine(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two", "three"))
        generation = writer.create_generation(SPEC, StorageFormat.FLOAT32)
        batch = writer.view().backlog(generation.id, 2)
        assert [text for _, text in batch] == ["one", "two"]
        ids = [text_id for text_id, _ in batch]
        writer.put_vectors(generation.id, ids[:1], unit(1), {ids[1]: "zero"})
        assert [text for _, text in writer.view().backlog(generation.id, 9)] == ["three"]
        state = writer.view().completeness(generation.id)
        assert (state.texts, state.missing, state.quarantined) == (3, 2, 1)


def test_completeness_is_counted_by_set(store: Store) -> None:
    """A vector of a text that is gone does not make up for a text without one."""
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one"))
        generation = embed(writer)
        writer.write_documents(root, [document("a.py", "two")], [])
        assert writer.vector_position(generation.id)[1] == 1
        assert writer.view().completeness(generation.id).missing == 1
        assert writer.view().unembedded(generation.id, None) == 1
        assert writer.view().unembedded(generation.id, [root]) == 1
        assert writer.view().unembedded(generation.id, [root + 1]) == 0


@pytest.mark.parametrize("storage", list(StorageFormat))
def test_vectors_come_back_in_their_format(store: Store, storage: StorageFormat) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two", "three"))
        generation = embed(writer, storage)
        ids = [row.text_id for row in rows(writer)]
        expected = decode(encode(unit(3, seed=ids[0]), storage), storage)
        batches = list(writer.vector_batches(generation.id))
        tail = writer.view().vectors_after(generation.id, 0)
        for stored in [*batches, tail]:
            codes, scales = decode(stored.data, storage)
            assert stored.text_ids.tolist() == ids
            assert stored.storage is storage
            np.testing.assert_array_equal(codes, expected[0])
            np.testing.assert_array_equal(scales, expected[1])
        assert tail.sequence == writer.vector_position(generation.id)[0].sequence
        assert writer.view().vectors_after(generation.id, tail.sequence).text_ids.size == 0


def test_generations_do_not_see_each_others_vectors(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one"))
        first = embed(writer)
        second = writer.create_generation(SPEC, StorageFormat.INT8)
        assert writer.vector_position(second.id)[1] == 0
        assert list(writer.vector_batches(second.id)) == []
        assert writer.view().vectors_after(second.id, 0).text_ids.size == 0
        assert len(writer.view().backlog(second.id, 9)) == 1
        assert writer.vectors_stored_after(first.id, 0) == 1


def test_dropped_vectors_are_missing_again(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two"))
        generation = embed(writer)
        one = rows(writer)[0].text_id
        writer.drop_vectors([one])
        assert writer.view().backlog(generation.id, 9) == [(one, "one")]


def test_what_was_given_up_is_asked_for_again_once_released(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two", "three"))
        generation = writer.create_generation(SPEC, StorageFormat.FLOAT32)
        ids = [text_id for text_id, _ in writer.view().backlog(generation.id, 9)]
        writer.put_vectors(generation.id, [ids[0], ids[2]], unit(2), {ids[1]: "zero"})
        writer.release_quarantined(generation.id)
        assert writer.view().backlog(generation.id, 9) == [(ids[1], "two")]
        assert writer.view().completeness(generation.id).quarantined == 0


def test_canaries_come_back_as_they_were_stored(store: Store) -> None:
    with store.writing() as writer:
        first, second = (
            writer.create_generation(SPEC, storage) for storage in (StorageFormat.INT8, StorageFormat.FLOAT16)
        )
        assert writer.view().canaries(first.id) == {}
        given = dict(zip(["où", "b"], unit(2), strict=True))
        writer.put_canaries(first.id, given)
        found = writer.view().canaries(first.id)
        assert found.keys() == given.keys()
        assert all((found[text] == given[text]).all() and found[text].dtype == np.float32 for text in given)
        assert writer.view().canaries(second.id) == {}


def test_vectors_stored_since_they_were_proved_can_be_dropped(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two", "three", "four"))
        other = embed(writer, StorageFormat.INT8)
        generation = writer.create_generation(SPEC, StorageFormat.FLOAT32)
        ids = [text_id for text_id, _ in writer.view().backlog(generation.id, 9)]
        writer.put_vectors(generation.id, ids[:2], unit(2), {})
        writer.note_proved(generation.id)
        writer.drop_unproved(generation.id)
        assert writer.vector_position(generation.id)[1] == 2
        seen = writer.view().vector_position
        writer.put_vectors(generation.id, [ids[3]], unit(1), {ids[2]: "zero"}, [ids[3]])
        writer.drop_unproved(generation.id)
        assert [text_id for text_id, _ in writer.view().backlog(generation.id, 9)] == ids[2:]
        assert writer.vector_position(generation.id)[1] == 2
        assert writer.vector_position(other.id)[1] == 4
        assert writer.view().vector_position.sequence > seen.sequence + 1  # so that readers see that some are gone
        assert writer.check().problems == ()


def test_an_emptied_generation_begins_anew(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one", "two"))
        other, generation = embed(writer, StorageFormat.INT8), embed(writer)
        writer.put_canaries(generation.id, {"text": unit(1)[0]})
        writer.note_proved(generation.id)
        writer.empty_generation(generation.id)
        assert writer.view().canaries(generation.id) == {}
        assert [text for _, text in writer.view().backlog(generation.id, 9)] == ["one", "two"]
        assert writer.vector_position(other.id)[1] == 2
        assert writer.view().active_generation() == generation


def test_a_generation_goes_by_the_name_it_was_asked_for_last(store: Store) -> None:
    with store.writing() as writer:
        made = writer.create_generation(replace(SPEC, reference="one"), StorageFormat.INT8)
        again = writer.create_generation(replace(SPEC, reference="other"), StorageFormat.INT8)
        assert again == replace(made, model=replace(SPEC, reference="other"))
        assert writer.view().generations() == [again]


# Views


@pytest.fixture
def scoped(store: Store) -> Callable[[Scope], list[str]]:
    """Return the paths that a scope covers, which documents, texts and chunks must agree on."""
    with store.writing() as writer:
        fill(
            writer,
            "/r",
            document("top.py", "top"),
            document("src/a.py", "a"),
            document("src/deep/b.md", "b", language="markdown", source=SourceKind.DOCS),
            document("src0/c.py", "c", repository="mine"),
            document("src", "a file named as a folder"),
        )
        fill(writer, "/s", document("src/a.py", "z", language=None))

    def paths(scope: Scope) -> list[str]:
        with store.snapshot() as view:
            everything = view.texts_in(Scope()).tolist()
            inside = view.texts_in(scope).tolist()
            chunk_of = view.chunks_of_texts(everything, scope)
            assert sorted(chunk_of) == inside
            found = view.chunk_rows(list(chunk_of.values()))
            documents = view.documents_in(scope).tolist()
            assert documents == sorted(row.document_id for row in found.values())
            return sorted(f"{row.root}/{row.path}" for row in found.values())

    return paths


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(places=(Place(2),)), ["/s/src/a.py"]),
        (Scope(places=(Place(1, "src"),)), ["/r/src", "/r/src/a.py", "/r/src/deep/b.md"]),
        (Scope(places=(Place(1, "src/deep"), Place(2))), ["/r/src/deep/b.md", "/s/src/a.py"]),
        (Scope(places=()), []),
        (Scope(places=(Place(99),)), []),
        (Scope(source="docs"), ["/r/src/deep/b.md"]),
        (Scope(language="python", places=(Place(1, "src"),)), ["/r/src", "/r/src/a.py"]),
        (Scope(repository="mine"), ["/r/src0/c.py"]),
        (Scope(path="src/*.py"), ["/r/src/a.py", "/s/src/a.py"]),
        (Scope(path="src/*.py", places=(Place(2),)), ["/s/src/a.py"]),
    ],
)
def test_a_scope_covers(scoped: Callable[[Scope], list[str]], scope: Scope, expected: list[str]) -> None:
    assert scoped(scope) == expected


def test_what_is_not_there_is_left_out(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one"))
    with store.snapshot() as view:
        assert view.chunk_rows([]) == {}
        assert view.chunk_rows([0, 7, -1]) == {}
        assert view.chunks_of_texts([99], Scope()) == {}


def test_a_view_does_not_change(store: Store) -> None:
    def seen(view: CorpusSnapshot) -> tuple[object, ...]:
        generation = view.active_generation()
        return view.version, view.vector_position, generation, view.texts_in(Scope()).tolist(), view.roots()

    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one"))
        embed(writer)
    with store.snapshot() as view:
        before = seen(view)
        with store.writing() as writer:
            fill(writer, "/r", document("a.py", "two"), document("b.py", "three"))
            embed(writer, StorageFormat.INT8)
            writer.delete_documents([1])
        assert seen(view) == before
    with store.snapshot() as view:
        assert seen(view) != before


def test_an_error_in_a_view_does_not_spoil_the_next(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "one"))
    for _ in range(3):
        with pytest.raises(RuntimeError), store.snapshot():
            raise RuntimeError
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", "two"))
    with store.snapshot() as view:
        assert len(view.texts_in(Scope())) == 1


# The writer's lock


def test_there_is_one_writer(store: Store) -> None:
    with store.writing(), pytest.raises(BusyError) as refused, store.writing():
        pass
    assert refused.value.remedy
    with store.writing() as writer:
        assert writer.view().roots() == []


def test_a_second_writer_waits(store: Store) -> None:
    held, entered = threading.Event(), threading.Event()

    def wait() -> None:
        held.wait(30)
        with store.writing(30):
            entered.set()

    second = threading.Thread(target=wait)
    second.start()
    with store.writing():
        held.set()
        assert not entered.is_set()
    second.join(60)
    assert entered.is_set()


def test_the_lock_is_freed_by_an_error(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing():
        raise RuntimeError
    with store.writing() as writer:
        assert writer.view().roots() == []


def test_a_sound_store_passes_its_check(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, "/r", document("a.py", "one", "two"), document("b.py", "two"))
        embed(writer)
        writer.write_documents(root, [document("a.py", "three")], [])
        found = writer.check()
        assert (found.problems, found.bad_vectors) == ((), ())


def test_texts_can_be_drawn_evenly_from_all(store: Store) -> None:
    contents = [f"text {i}" for i in range(10)]
    with store.writing() as writer:
        fill(writer, "/r", document("a.py", *contents, contents[0]))
    with store.snapshot() as view:
        assert view.texts(10) == view.texts(1_000) == contents
        drawn = view.texts(5)
        assert len(drawn) == 5
        assert {int(text.split()[1]) // 2 for text in drawn} == set(range(5))
        assert view.texts(0) == []
