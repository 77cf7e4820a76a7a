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
