import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.domain.tokens import MAX_TOKEN_CHARACTERS, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getUserName", "getusername get user name"),
        ("retry_delay", "retry_delay retry delay"),
        ("HTTPServer", "httpserver http server"),
        ("__init__", "init"),
        ("utf8", "utf8 utf 8"),
        ("Session.send(request)", "session send request"),
        ("plain words here", "plain words here"),
        ("Élève naïve", "eleve naive"),
        ("l'Œuvre d’un ex æquo, SŒURS", "l oeuvre d un ex aequo soeurs"),
        ("E\u0301le\u0300ve", "eleve"),
        ("MAX_RETRIES", "max_retries max retries"),
        ("!!! ()", ""),
    ],
)
def test_identifiers_give_the_whole_and_the_parts(text, expected):
    assert tokens(text).split() == expected.split()


def test_runs_nobody_types_are_left_out():
    assert tokens("a" * (MAX_TOKEN_CHARACTERS + 1)) == ""


@given(st.text())
def test_tokens_are_folded_words(text):
    for token in tokens(text).split():
        assert token == token.lower()
        assert len(token) <= MAX_TOKEN_CHARACTERS


@given(st.from_regex(r"[a-z]{2,8}", fullmatch=True), st.from_regex(r"[a-z]{2,8}", fullmatch=True))
def test_both_ways_of_joining_words_find_each_other(first, second):
    camel = set(tokens(first + second.capitalize()).split())
    snake = set(tokens(f"{first}_{second}").split())
    assert {first, second} <= camel & snake
