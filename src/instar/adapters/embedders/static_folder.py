"""The folder of a static model, as `static.py` reads it: vocabulary, table and description."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from instar.domain.vectors import Int8Codes

CONTINUED = "##"
"""What stands before a token that continues a word."""
FILES = ("scales.npy", "tokenizer.json", "vectors.npy")
TOKENISED_AT_ONCE = 1_000


class Vocabulary:
    """The tokens of a tokenizer of word pieces, and those that are added to it."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._tokenizer = Tokenizer.from_str(content)

    @classmethod
    def of(cls, folder: Path) -> "Vocabulary":
        """Return the vocabulary of a static model."""
        return cls((folder / "tokenizer.json").read_text("utf-8"))

    @property
    def words(self) -> list[str]:
        """The string of each token, without the mark of a continuation."""
        numbers = self._tokenizer.get_vocab()
        return [token.removeprefix(CONTINUED) for token in sorted(numbers, key=numbers.__getitem__)]

    def tokens(self, texts: Sequence[str]) -> Iterator[NDArray[np.int64]]:
        """Yield the numbers of the tokens of each text, (t,)."""
        for start in range(0, len(texts), TOKENISED_AT_ONCE):
            part = list(texts[start : start + TOKENISED_AT_ONCE])
            for encoding in self._tokenizer.encode_batch_fast(part, add_special_tokens=False):
                yield np.array(encoding.ids, np.int64)

    def words_of(self, text: str) -> Counter[str]:
        """Return the words of a text as the tokenizer sees them, before it cuts them into pieces."""
        plain = self._tokenizer.normalizer.normalize_str(text)
        return Counter(word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(plain))

    def extended(self, words: Sequence[str]) -> "Vocabulary":
        """Return the vocabulary with these words, each as one token behind the others; known ones are not added."""
        content = json.loads(self._content)
        vocabulary = content["model"]["vocab"]
        for word in words:
            vocabulary.setdefault(word, len(vocabulary))
        return Vocabulary(json.dumps(content, ensure_ascii=False))

    def knows(self, word: str) -> bool:
        """Whether a word is one token."""
        return self._tokenizer.token_to_id(word) is not None

    def save(self, folder: Path) -> None:
        """Write the tokenizer into the folder of a model."""
        (folder / "tokenizer.json").write_text(self._content, "utf-8")


def write_model(folder: Path, vocabulary: Vocabulary, table: Int8Codes, description: Mapping[str, Any]) -> None:
    """Write a model into an empty folder, the description last: without it there is no model. Raises `OSError`."""
    rows, scales = table
    np.save(folder / "vectors.npy", rows)
    np.save(folder / "scales.npy", scales)
    vocabulary.save(folder)
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    facts = {
        **description,
        "revision": hashlib.sha256("".join(sums.values()).encode()).hexdigest()[:16],
        "dimensions": int(rows.shape[1]),
        "vocabulary": int(rows.shape[0]),
        "sha256": sums,
    }
    (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
