"""Telling the language of prose by its common words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.adapters.lexical.stems import language_of_passage
from instar.domain.languages import STOP_WORDS, Language, language_of
from instar.domain.tokens import identifiers

PASSAGE = 3
QUESTION = 1


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Les dépenses des ménages représentent plus de la moitié de ces montants.", "french"),
        ("The retry delay doubles after each failure, so that it is not asked too often.", "english"),
        ("Appelez `session.send(request)` pour que la requête parte avec les cookies de l'utilisateur.", "french"),
        ("Call `session.send(request)` and the request leaves with the cookies of the user.", "english"),
        ("def add(a, b):\n    return a + b", None),
        ("for (int i = 0; i < n; i++) { if (!ok) continue; }", None),
        ("Der Dienst wird nach jedem Fehler später gefragt, damit er sich erholt.", None),
        ("", None),
    ],
)  # fmt: skip
def test_passages(text, expected):
    assert language_of(words(text), PASSAGE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Combien d'employeurs", "french"),
        ("quel montant en 2003", "french"),
        ("pourquoi la requete echoue", "french"),
        ("how redirects are followed", "english"),
        ("python check if file is readonly", "english"),
        ("equipes nationales", None),
        ("HTTPAdapter", None),
        ("Session.send", None),
        ("a d s", None),
    ],
)
def test_questions(text, expected):
    assert language_of(words(text), QUESTION) == expected


def test_a_title_in_another_language_does_not_change_a_text():
    french = "Le film qui est sorti dans les salles en mai, avec une musique de sa sœur, a pour titre "
    assert language_of(words(french + "« The Return of the King »"), PASSAGE) == Language.FRENCH


def test_half_and_half_is_undecided():
    assert language_of(["the", "which", "with", "les", "dans", "pour"], QUESTION) is None


@given(st.sampled_from(list(Language)), st.integers(1, 8), st.randoms(use_true_random=False))
def test_repeating_a_word_tells_no_more(language, least, random):
    common = random.sample(sorted(word for word in STOP_WORDS[language] if len(word) > 1), 8)
    assert language_of(common, least) == language_of(common * 3, least)


@pytest.mark.parametrize("language", list(Language))
def test_the_lists_are_folded_words(language):
    for word in STOP_WORDS[language]:
        assert re.fullmatch("[a-z]+", word)


@pytest.mark.parametrize(
    "text",
    ["Où étaient les mêmes équipes après le match ?", "DANS LES ÉQUIPES AVEC NOUS POUR LE MATCH", "dans les avec"],
)
def test_a_passage_is_french_with_its_accents_and_in_capitals(text):
    assert language_of_passage(identifiers(text)) is Language.FRENCH
