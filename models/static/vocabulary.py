"""The tokenizer: identifiers are split at case, digits and punctuation; punctuation itself is dropped."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

UNKNOWN = "[UNK]"
# "parseHTTPHeader" -> "parse HTTP Header", before the case is lost.
CASE_BOUNDARY = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
WORD = r"\p{L}+|\p{N}"
LONGEST_WORD = 40  # characters; anything longer is data, and becomes one unknown token


def untrained() -> Tokenizer:
    """Return the tokenizer without a vocabulary."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(CASE_BOUNDARY), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    return tokenizer


def trained(texts: Iterable[str], size: int) -> Tokenizer:
    """Return the tokenizer with a WordPiece vocabulary of at most `size` entries learnt from the texts."""
    tokenizer = untrained()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=5, special_tokens=[UNKNOWN], limit_alphabet=200, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def strings(tokenizer: Tokenizer) -> list[str]:
    """Return the string of each token in order, without the mark of a continuation."""
    vocabulary = tokenizer.get_vocab()
    return [token.removeprefix("##") for token in sorted(vocabulary, key=vocabulary.__getitem__)]
