"""The language of a piece of prose, told by its commonest words.

The lists are the commonest of the stop words of the Snowball project (https://snowballstem.org/algorithms/, BSD
licence) with French question words added, written as the lexical index folds them: lower case, no accents.
"""

from collections.abc import Iterable
from enum import StrEnum


class Language(StrEnum):
    """A language whose words the lexical index knows to stem, by Snowball's name for it."""

    ENGLISH = "english"
    FRENCH = "french"


_ENGLISH = """
a about after again against all am an and any are as at be because been before being between both but by can could
did do does doing down during each few for from further had has have having he her here hers him his how i if in
into is it its itself just me more most must my no nor not of off on once only or other our out over own same she
should so some such than that the their them then there these they this those through to too under until up us very
was we were what when where which while who whom why will with would you your
"""
_FRENCH = """
a ai aussi autre autres au aux avaient avait avec avez avoir avons c ce ceci cela celle celles celui ces cet cette
ceux chez combien comme comment d dans de depuis des donc dont du elle elles en encore entre est et etaient etait
etant ete etes etre eu eux fait faut il ils j je l la laquelle le lequel les lesquels leur leurs lors lorsque lui m
ma mais me meme memes mes moi mon n ne nos notre nous on ont ou par pas peut plus pour pourquoi puis qu quand que
quel quelle quelles quels qui quoi s sa sans se sera serait ses si soi soit sommes son sont sous suis sur t ta te
tes toi ton tous tout toute toutes tu un une vers vos votre vous y
"""
STOP_WORDS = {
    Language.ENGLISH: frozenset(_ENGLISH.split()),
    Language.FRENCH: frozenset(_FRENCH.split()),
}
"""Words of which hardly any says what a passage is about."""

TWICE = 2
"""The common words of one language that stand in a text are this many times those of the other, or it is undecided:
a quotation or a title in the other language leaves a text what it is."""

_SHARED = STOP_WORDS[Language.ENGLISH] & STOP_WORDS[Language.FRENCH]
# Single letters are names in code more often than elisions, and words of both languages tell nothing.
_TELLING = {
    language: frozenset(word for word in words - _SHARED if len(word) > 1) for language, words in STOP_WORDS.items()
}


def language_of(words: Iterable[str], least: int) -> Language | None:
    """Return the language whose common words stand among `words` (lower case), None where it is undecided.

    It is where fewer than `least` different ones of either language are there, or nearly as many of the other.
    """
    present = set(words)
    english, french = (len(present & _TELLING[language]) for language in Language)
    if max(english, french) < least:
        return None
    if french >= TWICE * english:
        return Language.FRENCH
    return Language.ENGLISH if english >= TWICE * french else None
