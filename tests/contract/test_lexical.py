"""What every lexical index must do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instar.adapters.lexical.tantivy_index import TantivyIndex
from instar.domain.corpus import LexicalRow
from instar.domain.search import Place, Scope
from instar.domain.stored import Position
from instar.errors import DerivedDamageError
from instar.ports import LexicalIndex

ALL = Scope()


@pytest.fixture(params=[TantivyIndex], ids=["tantivy"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> LexicalIndex:
    made: LexicalIndex = request.param(tmp_path / "lexical")
    return made


@pytest.fixture(params=[TantivyIndex], ids=["tantivy"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LexicalIndex, LexicalIndex]:
    """Return a writer and a reader of one folder, as two processes would have them."""
    return request.param(tmp_path / "lexical"), request.param(tmp_path / "lexical")


def row(chunk: int, text: str, **changes: Any) -> LexicalRow:
    """Return a row of the document `chunk` // 10, in root 1, whose text has the id of the chunk."""
    values: dict[str, Any] = {
        "chunk_id": chunk, "text_id": chunk, "document_id": chunk // 10, "root_id": 1, "source": "code",
        "language": "python", "repository": "", "path": "src/a.py", "symbol": "", "text": text,
    }  # fmt: skip
    return LexicalRow(**(values | changes))


def fill(index: LexicalIndex, *rows: LexicalRow, sequence: int = 1) -> None:
    index.clear()
    index.apply({}, rows, Position("corpus", sequence))


def found(index: LexicalIndex, query: str, scope: Scope = ALL, documents: list[int] | None = None) -> list[int]:
    """Return the ids of the chunks found, best first."""
    return [chunk for chunk, _, _ in index.search(query, 100, scope, documents)]


def test_there_is_nothing_before_the_first_fill(index: LexicalIndex) -> None:
    assert index.position() is None
    with pytest.raises(DerivedDamageError):
        index.search("word", 10, ALL)
    assert index.verify()


def test_a_cleared_index_has_no_position_until_it_is_filled(index: LexicalIndex) -> None:
    index.clear()
    assert index.position() is None
    index.apply({}, [], Position("corpus", 0))
    assert index.position() == Position("corpus", 0)
    assert found(index, "anything") == []
    assert index.verify() == []


def test_the_position_moves_with_the_rows(index: LexicalIndex) -> None:
    fill(index, row(10, "apple"), sequence=3)
    assert index.position() == Position("corpus", 3)
    index.apply({1: 0}, [row(20, "pear")], Position("corpus", 9))
    assert index.position() == Position("corpus", 9)
    assert (found(index, "apple"), found(index, "pear")) == ([], [20])


def test_a_failed_change_leaves_everything_as_it_was(index: LexicalIndex) -> None:
    def failing() -> Iterator[LexicalRow]:
        yield row(20, "pear")
        raise RuntimeError

    fill(index, row(10, "apple"), sequence=3)
    with pytest.raises(RuntimeError):
        index.apply({1: 0}, failing(), Position("corpus", 4))
    assert index.position() == Position("corpus", 3)
    assert (found(index, "apple"), found(index, "pear")) == ([10], [])


def test_removing_a_document_removes_all_its_rows_and_no_other(index: LexicalIndex) -> None:
    fill(index, row(10, "apple"), row(11, "apple"), row(20, "apple"), row(100, "apple"))
    index.apply({1: 0}, [], Position("corpus", 2))
    assert sorted(found(index, "apple")) == [20, 100]
    index.apply({1: 0, 7: 0, 99: 0}, [], Position("corpus", 3))
    assert sorted(found(index, "apple")) == [20, 100]


def test_the_rows_from_a_chunk_on_can_be_replaced(index: LexicalIndex) -> None:
    fill(index, *(row(chunk, "apple", document_id=1) for chunk in (10, 11, 12)), row(20, "apple"))
    index.apply({1: 11}, [row(30, "apple", document_id=1)], Position("corpus", 2))
    assert sorted(found(index, "apple")) == [10, 20, 30]
    index.apply({1: 30, 2: 0}, [], Position("corpus", 3))
    assert found(index, "apple") == [10]


def test_a_document_can_be_replaced_in_one_step(index: LexicalIndex) -> None:
    fill(index, row(10, "apple"))
    index.apply({1: 0}, [row(12, "apple new", document_id=1)], Position("corpus", 2))
    assert found(index, "apple") == [12]


def test_scores_fall_and_are_positive(index: LexicalIndex) -> None:
    fill(index, *(row(10 * i, "apple " * i + "filler " * (40 - i)) for i in range(1, 20)))
    hits = index.search("apple", 7, ALL)
    assert len(hits) == 7
    scores = [score for _, _, score in hits]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_rows_give_chunk_and_text(index: LexicalIndex) -> None:
    fill(index, row(10, "same", text_id=5), row(20, "same", text_id=5))
    assert {(chunk, text) for chunk, text, _ in index.search("same", 10, ALL)} == {(10, 5), (20, 5)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("getUserName", [10]),
        ("getusername", [10]),
        ("user name", [10]),
        ("NAÏVE", [20]),
        ("naive", [20]),
        ("Session.send", [30]),
        ("special_path", [40]),
        ("漢字", [50]),
        ("", []),
        ("   ?!()[]{}\\\"'+-:~^*", []),
        ("unknownword", []),
    ],
)
def test_words_meet(index: LexicalIndex, query: str, expected: list[int]) -> None:
    fill(
        index,
        row(10, "def getUserName(): ..."),
        row(20, "naïve approach"),
        row(30, "body", symbol="Session.send"),
        row(40, "other", path="lib/special_path.py"),
        row(50, "漢字 🙂"),
    )
    assert found(index, query) == expected


FRENCH = "Les équipes régionales n’ont pas gagné la coupe, mais le ministère les a félicitées pour leurs efforts."
FRENCH_TOO = "Ses sœurs, qui sont trois, vivent avec une tante dans cette maison."
ENGLISH = "The retries of a session were counted, and this is what the studies of the cache say about it."


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("quelle équipe régionale gagne", [10]),
        ("quelle equipe regionale gagne", [10]),
        ("equipe regionale", [10]),
        ("féliciter", [10]),
        ("l’équipe", [10]),
        ("retry", [20, 30]),
        ("retrying", [20, 30]),
        ("counting", [20]),
        ("sœur", [60]),
        ("soeurs", [60]),
        ("what does the study say", [20]),
        ("TABLES", [40]),
        ("routed", [50]),
        ("le", [10]),
    ],
)
def test_forms_of_a_word_meet(index: LexicalIndex, query: str, expected: list[int]) -> None:
    fill(
        index,
        row(10, FRENCH, source="docs", language="markdown"),
        row(20, ENGLISH, source="docs", language="markdown"),
        row(30, "def retryNow(): pass"),
        row(40, "x = 1", symbol="drop_table"),
        row(50, "y = 2", path="src/routing.py"),
        row(60, FRENCH_TOO, source="docs", language="markdown"),
    )
    assert sorted(found(index, query)) == expected


def test_the_form_that_was_asked_for_ranks_before_others(index: LexicalIndex) -> None:
    fill(index, row(10, "parse the file"), row(20, "parsing the file"), row(30, "parsed the file"))
    assert [found(index, query)[0] for query in ("parse", "parsing", "parsed")] == [10, 20, 30]


@pytest.mark.parametrize("query", ["getUserNames", "retry_delays", "HTTPServers"])
def test_an_identifier_named_exactly_ranks_first(index: LexicalIndex, query: str) -> None:
    fill(
        index,
        row(10, "the names of users that a getter gets, and how long servers of HTTP delay when they retry"),
        row(20, "get user name; retry delay; http server"),
        row(30, f"call({query})"),
        row(40, "getUserName retry_delay HTTPServer"),
    )
    assert found(index, query)[0] == 30


@pytest.mark.parametrize("query", ["what is this", "to be or not to be", "for"])
def test_a_question_of_common_words_alone_is_answered(index: LexicalIndex, query: str) -> None:
    fill(index, row(10, "this is what not to do or to be for"), row(20, "apple"))
    assert found(index, query) == [10]


@pytest.mark.parametrize("query", ["apple AND (", "body:apple", "*", "apple*", '"apple', "apple\0\x01", "a" * 10_000])
def test_a_question_has_no_syntax(index: LexicalIndex, query: str) -> None:
    fill(index, row(10, "apple"))
    assert found(index, query) in ([], [10])


def test_a_long_question_is_answered_by_its_rare_words(index: LexicalIndex) -> None:
    common = [f"common{i}" for i in range(300)]
    fill(index, row(10, "needle"), *(row(10 * i, " ".join(common)) for i in range(2, 12)))
    assert 10 in found(index, " ".join([*common, "needle"]))


def test_scopes_narrow(index: LexicalIndex) -> None:
    fill(
        index,
        row(10, "apple"),
        row(20, "apple", root_id=2, language="go"),
        row(30, "apple", root_id=3, source="docs", repository="mine"),
    )
    assert found(index, "apple", Scope(places=(Place(2),))) == [20]
    assert sorted(found(index, "apple", Scope(places=(Place(1), Place(3))))) == [10, 30]
    assert found(index, "apple", Scope(places=(Place(9),))) == []
    assert found(index, "apple", Scope(language="go")) == [20]
    assert found(index, "apple", Scope(source="docs")) == [30]
    assert found(index, "apple", Scope(repository="mine")) == [30]
    assert found(index, "apple", Scope(source="docs", language="go")) == []
    assert sorted(found(index, "apple", ALL, [1, 3])) == [10, 30]
    assert found(index, "apple", Scope(places=(Place(1),)), [1, 3]) == [10]


def test_scopes_narrow_to_turns(index: LexicalIndex) -> None:
    early, late = 1_769_940_000.25, 1_769_940_060.0
    fill(
        index,
        row(10, "apple", role="user", branch="main", at=early),
        row(20, "apple", role="tool", branch="fix/Apple one", at=late),
        row(30, "apple", role="user"),
        row(40, "apple"),
    )
    assert sorted(found(index, "apple", Scope(role="user"))) == [10, 30]
    assert found(index, "apple", Scope(branch="fix/Apple one")) == [20]
    assert found(index, "apple", Scope(branch="fix")) == []
    assert found(index, "apple", Scope(branch="")) == [30]
    assert sorted(found(index, "apple", Scope(since=early))) == [10, 20]
    assert found(index, "apple", Scope(since=early + 0.001)) == [20]
    assert found(index, "apple", Scope(until=late)) == [10]
    assert found(index, "apple", Scope(since=early, until=early)) == []
    assert found(index, "apple", Scope(since=0.0, until=late + 1, role="tool")) == [20]


def test_a_scope_does_not_change_scores(index: LexicalIndex) -> None:
    fill(index, row(10, "apple pie"), row(20, "apple", root_id=2))
    everywhere = {chunk: score for chunk, _, score in index.search("apple", 10, ALL)}
    inside = {chunk: score for chunk, _, score in index.search("apple", 10, Scope(places=(Place(2),)))}
    assert inside[20] == pytest.approx(everywhere[20])


def test_a_reader_sees_what_is_committed(pair: tuple[LexicalIndex, LexicalIndex]) -> None:
    writer, reader = pair
    fill(writer, row(10, "apple"))
    assert reader.position() == Position("corpus", 1)
    assert found(reader, "apple") == [10]
    writer.apply({1: 0}, [row(20, "apple")], Position("corpus", 2))
    assert found(reader, "apple") == [10]  # one view until the position is asked for again
    assert reader.position() == Position("corpus", 2)
    assert found(reader, "apple") == [20]
    fill(writer, row(30, "apple"), sequence=7)
    assert reader.position() == Position("corpus", 7)
    assert found(reader, "apple") == [30]


def test_a_damaged_index_is_used_by_nobody_until_it_is_filled_anew(pair: tuple[LexicalIndex, LexicalIndex]) -> None:
    one, other = pair
    fill(one, row(10, "apple"))
    one.mark_damaged()
    assert one.position() is None
    assert other.position() is None
    fill(other, row(20, "apple"), sequence=5)
    assert one.position() == Position("corpus", 5)
    assert found(one, "apple") == [20]


def test_marking_what_is_not_there_is_no_error(index: LexicalIndex) -> None:
    index.mark_damaged()
    assert index.position() is None


def test_clearing_leaves_no_trace_in_the_files(index: LexicalIndex, tmp_path: Path) -> None:
    fill(index, row(10, "secretword", symbol="secretsymbol", path="secretpath.py"))
    fill(index, row(20, "other"))
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"secret" not in path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["lexical"]


def test_a_sound_index_passes_its_check(index: LexicalIndex) -> None:
    fill(index, *(row(i, f"word{i} apple") for i in range(1, 200)))
    for sequence in range(2, 8):
        index.apply({sequence: 0}, [row(1000 + 10 * sequence, "pear")], Position("corpus", sequence))
    assert index.verify() == []
