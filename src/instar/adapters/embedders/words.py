"""How much of a question a model's vocabulary holds whole."""

import re
from collections.abc import Callable, Sequence

UNKNOWN = frozenset({"[UNK]", "<unk>"})
"""What vocabularies call a piece they do not have."""

_WORD = re.compile(r"\w+")


def share_of_whole_words(text: str, tokens_of: Callable[[str], Sequence[str]]) -> float:
    """Return the share of words that are one token, 1.0 where there is no word.

    A model has learnt little of names in pieces and of other languages than its own; the number of tokens a word takes
    is the usual measure of how well a vocabulary fits a text (Rust et al., "How good is your tokenizer?", ACL 2021).
    Each word is given by itself, after a space: many vocabularies hold the space with the word, and some tokenizers
    tell of no words in a sentence.
    """
    words = _WORD.findall(text)
    known = sum(len(tokens) == 1 and tokens[0] not in UNKNOWN for tokens in (tokens_of(f" {word}") for word in words))
    return known / len(words) if words else 1.0
