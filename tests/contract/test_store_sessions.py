"""What every store of the corpus must do with sessions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instar.adapters.stores.sqlite.store import SqliteStore
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, SessionChoice, SourceKind
from instar.domain.search import Place, RelatedSession, Scope
from instar.domain.sessions import Action, Resume, Role, Touch, Transcript, Turn
from instar.ports import CorpusWriter, Store

FILE = Document("src/a.py", 1, 1, b"", "1", SourceKind.CODE, "python", "", (Chunk("code", 1, 1),))
EDITED, SEEN = Touch("src/a.py", Action.EDIT), Touch("src/a.py", Action.READ)


@pytest.fixture(params=[SqliteStore], ids=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path / "data", clock=lambda: 1.0)
    return made


def turn(number: int, role: Role = Role.USER, **changes: Any) -> Turn:
    """Return the turn t`number` on line `number`, said `number` seconds after the epoch."""
    values: dict[str, Any] = {
        "id": f"t{number}", "role": role, "text": f"text {number}", "first_line": number, "last_line": number,
        "at": float(number), "branch": "main",
    }  # fmt: skip
    return Turn(**(values | changes))


def session(
    *turns: Turn, name: str = "s", folder: str = "/r", kept: int = 0, resume: Resume | None = None, **changes: Any
) -> Document:
    """Return the transcript of a session; a turn without a text has no chunk."""
    transcript = Transcript(f"session-{name}", "", folder, turns, resume or Resume(), {"progress": 2})
    chunks = tuple(Chunk(t.text, t.first_line, t.last_line, "", "turn", t.id) for t in turns if t.text)
    document = Document(
        f"/talks/{name}.jsonl", 1, 1, b"", "1", SourceKind.SESSIONS, None, "", chunks, "", transcript, kept
    )
    return replace(document, **changes)


def fill(writer: CorpusWriter, *documents: Document, root: str = "/r") -> int:
    """Store documents in a root and return its id."""
    made = writer.add_root(root)
    writer.write_documents(made.id, documents, [])
    writer.finish_scan(made.id, complete=True, pending=0, skipped={})
    return made.id


def texts(writer: CorpusWriter) -> list[str]:
    return [row.text for row in writer.lexical_rows(None)]


def touched(writer: CorpusWriter, limit: int) -> tuple[RelatedSession, ...]:
    """Return the turns that touched one file of the root /r; of a file nobody touched there are none."""
    found = writer.view().related_sessions(["/r/src/a.py", "/r/src/nobody.py"], limit)
    assert "/r/src/nobody.py" not in found
    return found.get("/r/src/a.py", ())


def turn_ids(writer: CorpusWriter) -> dict[str, int]:
    """Return the row of the turn of each text."""
    view = writer.view()
    rows = view.chunk_rows([row.chunk_id for row in writer.lexical_rows(None)])
    return {row.text: row.turn_id for row in rows.values() if row.turn_id is not None}


def test_a_choice_is_remembered_and_replaced(store: Store) -> None:
    with store.writing() as writer:
        root = writer.add_root("/r")
        assert root.sessions is None
        for choice in (SessionChoice(("/a", "/b"), ("**/x",)), SessionChoice(("/c",))):
            writer.choose_sessions(root.id, choice)
            assert writer.view().roots()[0].sessions == choice
            assert writer.add_root("/r").sessions == choice
        assert writer.view().freshness([]).sessions
        writer.forget_sessions(root.id)
        assert writer.view().roots()[0].sessions is None
        assert not writer.view().freshness(None).sessions


def test_turns_come_back_as_they_were_written(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, session(turn(1), turn(2, Role.ASSISTANT, at=None, branch="", answers="t1")))
        (first, second) = writer.lexical_rows(None)
        assert (first.role, first.branch, first.at, first.path) == ("user", "main", 1.0, "")
        assert (second.role, second.branch, second.at) == ("assistant", "", None)
        row = writer.view().chunk_rows([second.chunk_id])[second.chunk_id]
        assert (row.path, row.source, row.kind, row.start_line) == ("/talks/s.jsonl", "sessions", "turn", 2)
        found = writer.view().turn_rows([row.turn_id or 0, 99])
        assert list(found) == [row.turn_id]
        told = found[row.turn_id or 0]
        assert (told.turn.id, told.turn.turn, told.turn.role, told.turn.timestamp) == (
            "session-s", "t2", "assistant", None,
        )  # fmt: skip
        assert (told.turn.project, told.answers, told.files) == ("/r", "text 1", ())


def test_of_what_has_grown_the_turns_before_stay(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, session(turn(1), turn(2), turn(3, text="open"), resume=Resume(20, 2, "state")))
        state = writer.document_states(root)["/talks/s.jsonl"]
        assert (state.source, writer.resume_of(state.id)) == (SourceKind.SESSIONS, Resume(20, 2, "state"))
        before = turn_ids(writer)
        end = writer.log_position().sequence
        fill(writer, session(turn(3, text="closed"), turn(4), kept=2, resume=Resume(40, 4)))
        assert texts(writer) == ["text 1", "text 2", "closed", "text 4"]
        after = turn_ids(writer)
        assert [after["text 1"], after["text 2"]] == [before["text 1"], before["text 2"]]
        changes = writer.changed_documents(end)
        assert changes is not None
        assert [row.text for row in writer.lexical_rows(changes[0])] == ["closed", "text 4"]
        assert writer.resume_of(state.id) == Resume(40, 4)
        assert writer.check().problems == ()


def test_all_chunks_are_other_ones_where_a_document_was_replaced_and_has_grown(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, session(turn(1)))
        end = writer.log_position().sequence
        fill(writer, session(turn(1), turn(2)))
        fill(writer, session(turn(3), kept=2))
        changes = writer.changed_documents(end)
        assert changes is not None
        assert [row.text for row in writer.lexical_rows(changes[0])] == ["text 1", "text 2", "text 3"]


def test_a_turn_is_stored_once_in_a_transcript(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, session(turn(1), turn(2)))
        fill(writer, session(turn(1, text="again", first_line=3), turn(4), kept=2))
        assert texts(writer) == ["text 1", "text 2", "text 4"]


def test_a_session_is_stored_whole_or_not_at_all(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, session(turn(1, touches=(SEEN,)), turn(2)))
        writer.choose_sessions(root, SessionChoice(("/talks",)))
        with pytest.raises(UnicodeEncodeError):
            writer.write_documents(root, [session(turn(2, text="new"), turn(3, branch="\ud800"), kept=1)], [])
        assert texts(writer) == ["text 1", "text 2"]
        assert len(touched(writer, 9)) == 1
        assert writer.check().problems == ()


def test_what_is_no_session_any_more_leaves_nothing_of_it(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, session(turn(1, touches=(EDITED,))))
        fill(writer, session(turn(1), transcript=None, chunks=(), skipped="another project"))
        (state,) = writer.document_states(root).values()
        assert (state.skipped, writer.resume_of(state.id)) == ("another project", None)
        assert touched(writer, 9) == ()
        assert writer.check().problems == ()


def test_forgetting_sessions_leaves_the_files_and_other_roots(store: Store) -> None:
    with store.writing() as writer:
        root = fill(writer, FILE, session(turn(1)))
        fill(writer, session(turn(1), name="other"), root="/other")
        writer.forget_sessions(root)
        assert texts(writer) == ["code", "text 1"]
        assert list(writer.document_states(root)) == ["src/a.py"]
        assert writer.check().problems == ()


# Related sessions


def test_edits_come_before_reads_and_the_latest_first(store: Store) -> None:
    with store.writing() as writer:
        fill(
            writer,
            session(
                turn(1, Role.TOOL, touches=(EDITED, SEEN)), turn(2, Role.TOOL, touches=(SEEN,)),
                turn(3, Role.TOOL, touches=(Touch("src/a.py", Action.WRITE),)), turn(4, Role.TOOL, touches=(SEEN,)),
                turn(5, Role.TOOL, at=None, touches=(EDITED,)),
                turn(6, Role.TOOL, touches=(Touch("a.py", Action.EDIT),)),
            ),
        )  # fmt: skip
        found = touched(writer, 9)
        assert [(item.turn, item.action) for item in found] == [
            ("t3", "write"), ("t1", "edit"), ("t5", "edit"), ("t4", "read"), ("t2", "read"),
        ]  # fmt: skip
        assert found[0] == RelatedSession("session-s", "t3", 3.0, "write")
        assert len(touched(writer, 2)) == 2


def test_a_file_is_found_from_every_root_that_may_name_it(store: Store) -> None:
    with store.writing() as writer:
        inside = Touch("a.py", Action.EDIT)
        outside = Touch("/r/src/a.py", Action.EDIT)
        fill(writer, session(turn(1, touches=(EDITED,)), name="outer"))
        fill(writer, session(turn(2, touches=(inside,)), name="inner"), root="/r/src")
        fill(writer, session(turn(3, touches=(outside, EDITED)), turn(4, touches=(EDITED,)), name="far"), root="/far")
        assert [item.turn for item in touched(writer, 9)] == ["t3", "t2", "t1"]


def test_a_copied_turn_is_named_once(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, *(session(turn(1, touches=(EDITED,)), name=name) for name in ("first", "second")))
        assert [item.session for item in touched(writer, 9)] == ["session-first"]


def test_files_are_those_of_the_turn_or_of_all_that_answers_the_prompt(store: Store) -> None:
    one, two = Touch("one.py", Action.READ), Touch("two.py", Action.EDIT)
    with store.writing() as writer:
        fill(
            writer,
            session(
                turn(1), turn(2, Role.TOOL, answers="t1", touches=(one,)), turn(3, Role.ASSISTANT, answers="t1"),
                turn(4, Role.TOOL, answers="t1", touches=(two,)), turn(5), turn(6, Role.ASSISTANT, answers="t5"),
                turn(7, Role.TOOL, touches=(one,)), turn(8, Role.ASSISTANT),
            ),
        )  # fmt: skip
        ids = turn_ids(writer)
        found = writer.view().turn_rows(list(ids.values()))
        assert {text: found[i].files for text, i in ids.items()} == {
            "text 1": ("two.py", "one.py"), "text 2": ("one.py",), "text 3": ("two.py", "one.py"),
            "text 4": ("two.py",), "text 5": (), "text 6": (), "text 7": ("one.py",), "text 8": (),
        }  # fmt: skip


# Scopes


@pytest.fixture
def scoped(store: Store) -> Callable[[Scope], set[str]]:
    """Return the texts that a scope covers, which documents, texts and chunks must agree on."""
    with store.writing() as writer:
        fill(
            writer,
            FILE,
            session(turn(1), turn(2, Role.ASSISTANT), turn(3, branch="other"), name="aa", folder="/home/app"),
            session(turn(1), turn(9, at=None), name="ab", folder="/home/app-2/web"),
        )

    def covered(scope: Scope) -> set[str]:
        with store.snapshot() as view:
            inside = view.texts_in(scope).tolist()
            chunk_of = view.chunks_of_texts(view.texts_in(Scope()).tolist(), scope)
            assert sorted(chunk_of) == inside
            rows = view.chunk_rows(list(chunk_of.values())).values()
            assert {row.document_id for row in rows} <= set(view.documents_in(scope).tolist())
            assert bool(inside) == bool(view.documents_in(scope).size)
            return {row.text for row in rows}

    return covered


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(source="sessions"), {"text 1", "text 2", "text 3", "text 9"}),
        (Scope(source="code"), {"code"}),
        (Scope(places=(Place(1),)), {"code", "text 1", "text 2", "text 3", "text 9"}),
        (Scope(places=(Place(1, "src"),)), {"code"}),
        (Scope(path="*"), {"code"}),
        (Scope(path="**"), {"code"}),
        (Scope(path="*.jsonl"), set()),
        (Scope(project="app"), {"text 1", "text 2", "text 3"}),
        (Scope(project="web"), {"text 1", "text 9"}),
        (Scope(project="home"), set()),
        (Scope(project="app*"), {"text 1", "text 2", "text 3", "text 9"}),
        (Scope(project="/home/app-2"), {"text 1", "text 9"}),
        (Scope(project="*"), {"text 1", "text 2", "text 3", "text 9"}),
        (Scope(session="session-aa"), {"text 1", "text 2", "text 3"}),
        (Scope(session="session-a"), set()),
        (Scope(branch=""), set()),
        (Scope(session="%"), set()),
        (Scope(role="assistant"), {"text 2"}),
        (Scope(branch="other"), {"text 3"}),
        (Scope(since=2.0), {"text 2", "text 3"}),
        (Scope(until=2.0), {"text 1"}),
        (Scope(since=2.0, until=3.0), {"text 2"}),
        (Scope(since=1.0, role="user", branch="main", project="web"), {"text 1"}),
        (Scope(role="user", language="python"), set()),
        (Scope(role="user", path="*"), set()),
    ],
)
def test_a_scope_covers(scoped: Callable[[Scope], set[str]], scope: Scope, expected: set[str]) -> None:
    assert scoped(scope) == expected


def test_the_copy_that_fits_the_scope_is_shown(store: Store) -> None:
    with store.writing() as writer:
        fill(writer, session(turn(1, branch="one"), name="aa"), session(turn(1, branch="two", at=5.0), name="ab"))
        view = writer.view()
        (text,) = view.texts_in(Scope()).tolist()
        for scope, path in {
            Scope(branch="two"): "/talks/ab.jsonl",
            Scope(branch="one"): "/talks/aa.jsonl",
            Scope(since=5.0): "/talks/ab.jsonl",
            Scope(session="session-ab"): "/talks/ab.jsonl",
        }.items():
            (row,) = view.chunk_rows(list(view.chunks_of_texts([text], scope).values())).values()
            assert row.path == path
