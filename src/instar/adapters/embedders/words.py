"""How much of a question a model's vocabulary holds whole."""

import re
from collections.abc import Callable, Sequence

UNKNOWN = frozenset({"[UNK]", "<unk>", ""})
"""What vocabularies call a piece they do not have; llama.cpp shows none at all."""

UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese; Khmer
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31ff\uff66-\uff9f"  # Japanese, and the letters of Chinese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
"""Letters of scripts written without spaces, as ranges: where a word begins and ends there, they do not tell."""

MARKS = "\u0300-\u036f\u0900-\u0dff"
"""Accents by themselves, and the scripts of India: without its vowel signs a word there would fall into letters."""

_WORD = re.compile(rf"(?:[^\W_{UNSPACED}]|[{MARKS}])+")


def share_of_whole_words(text: str, tokens_of: Callable[[str], Sequence[str]]) -> float:
    """Return the share of words that are one token, 1.0 where there is no word, or the tokenizer fails.

    A model has learnt little of names in pieces and of other languages than its own; the number of tokens a word takes
    is the usual measure of how well a vocabulary fits a text (Rust et al., "How good is your tokenizer?", ACL 2021).
    Words are runs of letters and digits with their marks, each given by itself: tokenizers differ in what they take for
    a word, and some do not tell.
    """
    words = _WORD.findall(text)
    try:
        return sum(_is_whole(word, tokens_of) for word in words) / len(words) if words else 1.0
    except Exception:  # each library fails in its own way, and the question has a vector: no reason to search without
        return 1.0


def _is_whole(word: str, tokens_of: Callable[[str], Sequence[str]]) -> bool:
    # Many vocabularies hold the space with the word; some tokenizers put one there, and make a token of a second one.
    readings = map(tokens_of, (f" {word}", word))
    return any(len(tokens) == 1 and tokens[0] not in UNKNOWN for tokens in readings)
