from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from instar.domain.search import Hit, SessionTurn
from instar.search.presenting import CHARACTERS_A_TOKEN, SNIPPET_LINES, fit, snippet

HIT = Hit(1, 1.0, 0.5, "code", "/r", "a.py", 10, 14, "python", "f", 1, 1.0, 1, 0.5, "one\ntwo\nthree\nfour\nfive")


def test_one_hit_a_file_is_kept_and_ranks_close_up():
    hits = [HIT, replace(HIT, rank=2, start_line=40), replace(HIT, rank=3, path="b.py")]
    assert [(hit.rank, hit.path, hit.start_line) for hit in fit(hits, 1000)] == [(1, "a.py", 10), (2, "b.py", 10)]


def test_the_last_hit_is_cut_at_a_line_and_its_citation_says_so():
    (cut,) = fit([HIT], 4)
    assert cut.text == "one\ntwo"
    assert (cut.start_line, cut.end_line) == (10, 11)


@given(st.lists(st.text("ab \n", max_size=200), max_size=8), st.integers(1, 100))
def test_the_budget_is_never_passed(texts, budget):
    hits = [replace(HIT, path=f"{i}.py", text=text) for i, text in enumerate(texts)]
    assert sum(len(hit.text) for hit in fit(hits, budget)) <= budget * CHARACTERS_A_TOKEN


def test_a_snippet_shows_the_lines_that_match():
    text = "\n".join(["nothing"] * 30 + ["def retry_delay(attempt):", "    return backoff"] + ["nothing"] * 30)
    lines = snippet(replace(HIT, text=text, start_line=1), "where is the retry delay")
    assert len(lines) == SNIPPET_LINES
    assert [(number, marked) for number, _, marked in lines if marked] == [(31, True)]


def test_common_words_do_not_mark_a_line():
    assert not any(marked for _, _, marked in snippet(replace(HIT, text="is the of"), "where is the retry"))


def test_of_a_session_one_hit_a_turn_is_kept_and_its_lines_stay_those_of_the_turn():
    turns = [SessionTurn("s", name, "user", None, "/r", "main") for name in ("a", "a", "b")]
    hits = [replace(HIT, path=f"/talks/{i}.jsonl", session=turn) for i, turn in enumerate(turns)]
    assert [hit.session.turn for hit in fit(hits, 1000) if hit.session] == ["a", "b"]
    (cut,) = fit(hits, 8)
    assert (cut.text, cut.start_line, cut.end_line) == ("one\ntwo\nthree", 10, 14)
