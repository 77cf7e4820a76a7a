"""Stems beside the tokens, so that another form of a word is found too: `retries` by `retry`, `joué` by `jouer`.

A passage keeps its tokens and gets, in the same field, the stem of each word where that is another string; stop words
have none. A question asks for its words and for their stems. The stems are those of the Snowball algorithms
(https://snowballstem.org), which Tantivy brings. They are taken of the word as it is spelt, for accents tell French
endings apart, and folded afterwards like every token.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

from instar.domain.languages import STOP_WORDS, Language, language_of
from instar.domain.tokens import expand, fold, identifiers

PASSAGE_LEAST = 3
"""Different common words that tell the language of a passage; code has some of either by chance."""
QUESTION_LEAST = 1
"""The same for a question, which is short, and where a wrong guess costs little: its words themselves still count."""
CACHED_WORDS = 1 << 17
"""The distinct identifiers of a large repository, for each language; about 25 MB when full."""

_ANALYZERS = {
    language: TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stemmer(language)).build()
    for language in Language
}


def language_of_passage(words: Iterable[str]) -> Language:
    """Return the language to stem a passage by: that of its prose, English where that is undecided."""
    lowered = {word.lower() for word in words}
    folded = {fold(word) for word in lowered if not word.isascii()}  # hardly any, and folding takes its time
    return language_of(lowered | folded, PASSAGE_LEAST) or Language.ENGLISH


def language_of_question(tokens: Iterable[str]) -> Language | None:
    """Return the language of a question by its tokens, None where it is undecided."""
    return language_of(tokens, QUESTION_LEAST)


def passage_terms(words: Iterable[str], language: Language) -> str:
    """Return the tokens of a passage and the stems they have in a language, separated by spaces."""
    expand_stemmed = _EXPANSIONS[language]
    return " ".join([expand_stemmed(word) for word in words])


def spelt_tokens(question: str) -> dict[str, str]:
    """Return the distinct tokens of a question in order, each with its spelling before it was folded."""
    spelt: dict[str, str] = {}
    for word in identifiers(question):
        for token, spelling in _spelt(word, expand(word).split()):
            spelt.setdefault(token, spelling)
    return spelt


def question_terms(spelt: Mapping[str, str], language: Language | None) -> dict[str, int]:
    """Return what to look for and how much it counts: each token once, and its stem once.

    A word that is its own stem thus counts twice, a stop word once. The stems are those of the language, of every
    language where it is None.
    """
    languages = Language if language is None else [language]
    stems = [_stem(each, token, spelling) for each in languages for token, spelling in spelt.items()]
    return Counter([*spelt, *dict.fromkeys(stem for stem in stems if stem)])


def _spelt(word: str, tokens: list[str]) -> list[tuple[str, str]]:
    """Return the tokens of a word, each with its spelling; parts of identifiers hardly ever have accents."""
    return [(tokens[0], word.strip("_").lower())] if len(tokens) == 1 else [(token, token) for token in tokens]


def _expand_stemmed(language: Language, word: str) -> str:
    tokens = expand(word).split()
    stems = [(token, _stem(language, token, spelling)) for token, spelling in _spelt(word, tokens)]
    return " ".join(tokens + [stem for token, stem in stems if stem not in ("", token)])


_EXPANSIONS: dict[Language, Callable[[str], str]] = {
    language: lru_cache(CACHED_WORDS)(partial(_expand_stemmed, language)) for language in Language
}


def _stem(language: Language, token: str, spelling: str) -> str:
    """Return the stem of a token, "" where it is no word that has one: a stop word, an identifier, a number."""
    if not spelling.isalpha() or token in STOP_WORDS[language]:
        return ""
    return fold("".join(_ANALYZERS[language].analyze(spelling)))
