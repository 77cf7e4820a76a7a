"""What is known of code, beside words and vectors, in the order of hits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.domain.stored import ChunkTraits
from instar.search.fusion import Candidate
from instar.search.ranking import VERBATIM_DEPTH, rank, read_question, worth_reading


def candidates(*rows):
    """Return candidates of equal score for (path, symbol, kind = function, source = code), one file a path."""
    files = list(dict.fromkeys(row[0] for row in rows))
    return [
        (
            Candidate(i, i, 1.0, i + 1, 1.0, None, None),
            ChunkTraits(i, files.index(row[0]), row[0], row[3] if row[3:] else "code", row[1], (*row, "function")[2]),
        )
        for i, row in enumerate(rows)
    ]


def order(question, found, limit=10):
    return [each.traits.path for each in rank(read_question(question), found, {}, limit)]


@pytest.mark.parametrize(
    ("question", "names", "bare"),
    [
        ("Session", {"Session"}, True),
        ("requests.Session.send()", {"send"}, True),
        ("Sinatra::Base", {"Base"}, True),
        ("app/models", {"models"}, True),
        ("valid?", {"valid"}, True),
        ("how retry_delay is computed", {"retry_delay"}, False),
        ("where does HTTPAdapter send a request", {"HTTPAdapter"}, False),
        ("how sessions keep their cookies", set(), False),
        ("", set(), False),
        ("什么是重试", set(), False),
    ],
)
def test_a_question_is_read_for_names(question, names, bare):
    read = read_question(question)
    assert (read.names, read.bare) == (names, bare)


def test_the_definition_comes_before_what_uses_it():
    found = candidates(("api.py", "request"), ("cli.py", "main"), ("sessions.py", "Session Session.send", "class"))
    assert order("Session", found)[0] == "sessions.py"
    assert order("how does a SessionPool close", candidates(("a.py", "main"), ("b.py", "SessionPool"))) == [
        "b.py",
        "a.py",
    ]


def test_a_definition_is_told_by_case_and_in_full():
    found = candidates(("a.py", "session"), ("b.py", "SessionPool"), ("c.py", "pool.Session", "class"))
    assert order("Session", found)[0] == "c.py"


def test_a_heading_is_no_definition():
    found = candidates(("router.go", "Router", "class"), ("README.md", "Router", "section", "docs"))
    scores = {each.traits.path: each.score for each in rank(read_question("Router"), found, {}, 2)}
    assert scores["router.go"] > 2 * scores["README.md"]


def test_words_of_the_question_in_the_name_count_also_where_one_is_short_for_the_other():
    found = candidates(("a.py", "close"), ("b.py", "get_auth_from_url"))
    assert order("how is authentication found in the url", found)[0] == "b.py"


@pytest.mark.parametrize(
    "path",
    [
        "tests/unit/helpers.py", "pkg/test_retry.py", "mux_test.go", "spec/base_spec.rb", "src/retry.test.ts",
        "src/RetryTest.java", "test/suite.bats", "_examples/rest/main.go", "demo/app.js", "pkg/__init__.py",
        "src/index.ts",
    ],
)  # fmt: skip
def test_tests_examples_and_re_exports_come_after_the_code(path):
    assert order("retry policy", candidates((path, ""), ("src/policy.py", ""))) == ["src/policy.py", path]


@pytest.mark.parametrize("path", ["lib/test_functions.bash", "src/contest.py", "src/latest/run.go", "src/index.py"])
def test_a_name_that_only_looks_like_a_test_counts_in_full(path):
    assert order("retry policy", candidates((path, ""), ("src/policy.py", "")))[0] == path


def test_who_asks_for_tests_or_examples_gets_them():
    found = candidates(("tests/test_retry.py", ""), ("retry.py", ""))
    assert order("tests of the retry policy", found)[0] == "tests/test_retry.py"
    assert order("example of a retry", candidates(("examples/a.py", ""), ("retry.py", "")))[0] == "examples/a.py"


def test_one_file_does_not_flood_the_list():
    found = candidates(*[("large.py", "")] * 5, ("other.py", ""), ("third.py", ""))
    assert set(order("x y", found)[:3]) == {"large.py", "other.py", "third.py"}
    assert sorted(order("x y", found)) == ["large.py"] * 5 + ["other.py", "third.py"]


def test_a_file_in_which_much_answers_comes_first():
    found = candidates(("lone.py", ""), ("much.py", ""), ("much.py", ""), ("much.py", ""))
    assert order("x y", found)[0] == "much.py"


paths = st.sampled_from(["a.py", "tests/b.py", "docs/c.md", "d/__init__.py"])
rows = st.lists(
    st.tuples(paths, st.sampled_from(["", "Session", "a.b c"]), st.sampled_from(["function", "window"])), max_size=20
)


@given(st.text(max_size=30), rows, st.integers(1, 25))
def test_nothing_is_lost_or_doubled_and_scores_fall(question, rows, limit):
    found = candidates(*rows)
    ranked = rank(read_question(question), found, {}, limit)
    scores = [each.score for each in ranked]
    assert scores == sorted(scores, reverse=True)
    assert len({each.traits.chunk_id for each in ranked}) == len(ranked) == min(limit, len(found))


def test_what_holds_the_question_as_it_is_comes_before_what_has_its_words():
    question = read_question("routes must be  defined before a mux")
    found = candidates(("much.go", "Mux", "class"), ("exact.go", ""))
    texts = {0: "a mux must defined before be routes", 1: 'panic("Routes must be defined\nbefore a mux: x")'}
    assert worth_reading(question, found) == [0, 1]
    assert rank(question, found, texts, 2)[0].traits.path == "exact.go"
    assert rank(question, found, {1: "routes must be defined before a muxer"}, 2)[0].traits.path == "much.go"


@pytest.mark.parametrize(
    "text", ["RETRIES = 3", "x = 1\n    RETRIES: Final[int] = 3", "static final int RETRIES = 3;", "var RETRIES := 3"]
)
def test_where_a_name_gets_its_value_is_its_definition(text):
    question = read_question("RETRIES")
    found = candidates(("uses.py", "count_retries"), ("sets.py", "", "module"))
    ranked = rank(question, found, {0: "for i in range(RETRIES): RETRIES == 3", 1: text}, 2)
    assert ranked[0].traits.path == "sets.py"


def test_a_plain_word_is_looked_for_by_its_meaning():
    question = read_question("authentication")
    assert worth_reading(question, candidates(("a.py", ""))) == []


def test_of_many_words_only_the_first_by_words_are_read_and_of_a_name_all():
    found = candidates(*[("a.py", "")] * 9)
    assert len(worth_reading(read_question("retry the request later"), found)) == VERBATIM_DEPTH
    assert len(worth_reading(read_question("retry_later"), found)) == 9


SESSIONS, FILES = ("talk.jsonl", "", "turn", "sessions"), ("a.py", "", "function", "code")


def sources(found, limit):
    return [each.traits.source for each in rank(read_question("x y"), found, {}, limit)]


@pytest.mark.parametrize(("limit", "least"), [(1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (1000, 2)])
@pytest.mark.parametrize("few", ["sessions", "code"])
def test_there_is_room_for_sessions_and_for_files(limit, least, few):
    one, other = (SESSIONS, FILES) if few == "sessions" else (FILES, SESSIONS)
    found = [(c._replace(score=1 / (i + 1)), t) for i, (c, t) in enumerate(candidates(*[other] * 20, *[one] * 3))]
    found = [(c, t._replace(unit=i)) for i, (c, t) in enumerate(found)]
    first = sources(found, limit)[:10]
    assert first.count(few) == least
    assert sorted(sources(found, 1000)) == sorted([other[3]] * 20 + [few] * 3)


def test_room_is_made_at_the_end_of_the_first_hits_by_the_best_of_each():
    found = candidates(*[FILES] * 12, SESSIONS, SESSIONS, SESSIONS)
    found = [(c._replace(score=1 / (i + 1)), t._replace(unit=i)) for i, (c, t) in enumerate(found)]
    ranked = rank(read_question("x y"), found, {}, 12)
    assert [each.traits.chunk_id for each in ranked] == [*range(8), 12, 13, 8, 9]


def test_words_come_before_runs_of_tool_calls():
    found = candidates(("t.jsonl", "", "tools", "sessions"), ("u.jsonl", "", "turn", "sessions"))
    assert order("x y", found) == ["u.jsonl", "t.jsonl"]


def test_confidence_is_the_distance_to_the_next_as_a_share():
    found = candidates(("a.py", ""), ("b.py", ""), ("c.py", ""))
    ranked = rank(read_question("x y"), found, {}, 2)
    assert ranked[0].confidence == pytest.approx(1 - ranked[1].score / ranked[0].score)
    assert ranked[1].confidence is not None
    assert rank(read_question("x y"), found, {}, 3)[-1].confidence is None
    assert rank(read_question("x y"), found[:1], {}, 3)[0].confidence is None


def test_candidates_without_any_score_are_ranked_all_the_same():
    found = [(c._replace(score=0.0), t) for c, t in candidates(("a.py", ""), ("b.py", "Session", "class"))]
    assert order("Session", found) == ["b.py", "a.py"]
