"""Texts as bags of tokens, stored flat, so that batches are put together without Python loops over tokens."""

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

ENCODE_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Bags:
    """Distinct tokens of many texts: text i owns ids[starts[i]:starts[i + 1]] (int32) and their counts (float32)."""

    ids: np.ndarray
    counts: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer, texts: list[str]) -> "Bags":
        """Tokenise the texts; unknown tokens (id 0) are left out."""
        ids, counts, lengths = [], [], []
        for first in range(0, len(texts), ENCODE_BATCH):
            for encoding in tokenizer.encode_batch_fast(texts[first : first + ENCODE_BATCH], add_special_tokens=False):
                row, number = np.unique(np.asarray(encoding.ids, dtype=np.int32), return_counts=True)
                known = row > 0
                ids.append(row[known])
                counts.append(number[known].astype(np.float32))
                lengths.append(int(known.sum()))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return cls(np.concatenate(ids), np.concatenate(counts), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: np.ndarray) -> "Bags":
        """Return the bags of some texts, in the order given."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Bags(self.ids[at], self.counts[at], starts)

    def where(self, keep: np.ndarray) -> "Bags":
        """Return the bags without the tokens for which `keep` (bool, one per stored token) is false."""
        sizes = np.concatenate([[0], np.cumsum(keep)])
        return Bags(self.ids[keep], self.counts[keep], sizes[self.starts])

    def owners(self) -> np.ndarray:
        """Return the number of the text that each stored token belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


def choose(options: list[Bags], chosen: np.ndarray) -> Bags:
    """Return for each text the bag of the option chosen for it (int, one per text)."""
    return merge([bags.where(chosen[bags.owners()] == i) for i, bags in enumerate(options)])


def merge(parts: list[Bags]) -> Bags:
    """Return for each text all tokens of its bags in the parts; a token in two parts stands there twice."""
    owners = np.concatenate([part.owners() for part in parts])
    order = np.argsort(owners, kind="stable")
    starts = np.sum([part.starts for part in parts], axis=0)
    ids, counts = (np.concatenate([getattr(part, field) for part in parts])[order] for field in ("ids", "counts"))
    return Bags(ids, counts, starts)


def shared(first: Bags, second: Bags, vocabulary: int) -> np.ndarray:
    """Return which stored tokens of the second bags also stand in the first bag of the same text (bool)."""
    return np.isin(
        second.owners() * vocabulary + second.ids, first.owners() * vocabulary + first.ids, assume_unique=False
    )
