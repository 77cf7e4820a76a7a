"""How many texts to embed at once, by how long that takes here."""

import math

TARGET_SECONDS = 0.3
"""What a kill sets back, and what a search's refresh can be late by; some fifty times what storing a batch takes."""
LONGEST_SECONDS = 2.0
"""A server that takes as long for one text as for a hundred may use more than the target, but not more than this."""
MOST_TEXTS = 512
"""More at once gain nothing with any model that was measured, and texts are held in memory."""
GROWTH = 8
"""A first text can be a very short one: what it took says little of the next ones."""
PAYS = 1.3
"""A larger batch is worth its longer wait where it gives so many times the texts a second."""


class Pace:
    """Sizes of batches: one text first, then as many as take about `TARGET_SECONDS`."""

    def __init__(self) -> None:
        self._size = 1
        self._least = 1
        self._count = 0
        self._rate = 0.0

    def size(self, seconds_left: float = math.inf) -> int:
        """Return how many texts to embed next, at least 1; no more than fit in the time that is left, in seconds."""
        if math.isinf(seconds_left) or not self._rate:
            return self._size
        return max(1, min(self._size, int(self._rate * seconds_left)))

    def took(self, count: int, seconds: float) -> None:
        """Note how long `count` texts took, in seconds."""
        seconds = max(seconds, 1e-6)
        rate = count / seconds
        paid = count > self._count and rate >= PAYS * self._rate and seconds < LONGEST_SECONDS
        if paid and seconds >= TARGET_SECONDS:
            self._least = count
        elif seconds > LONGEST_SECONDS:
            self._least = max(1, self._least // 2)
        by_time = math.ceil(count * min(GROWTH, TARGET_SECONDS / seconds))
        self._size = min(MOST_TEXTS, max(self._least, by_time, 2 * count if paid else 1))
        self._count, self._rate = count, rate
