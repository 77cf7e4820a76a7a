"""Vectors that are searched together: sign bits to scan, codes to compare more exactly."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instar.domain.stored import StoredVectors
from instar.domain.vectors import bit_planes, decode, dot, hamming, nearest

RESCORED_LEAST = 1_250
RESCORED_SHARE = 256
"""Rows rescored after the bit scan: at least the first, or one in so many. The agreement of 1-bit codes falls with the
number of rows (384 dimensions: .971 at 100,000 rows, at 1,000,000 .954 with 1,000 rescored and .970 with 3,000); at 256
dimensions and 123,000 rows 1,000 give .970 to .980, 1,500 .980 to .986 and cost 0.07 ms more."""
KEPT_FILTERS = 16

Best = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Text ids (n,) and cosines (n,), in no order."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """The rows of the texts that may answer, and their sign bits beside each other (32 bytes a row of 256)."""

    allowed: NDArray[np.int64]
    rows: NDArray[np.intp]
    planes: NDArray[np.uint64]


class Segment:
    """Rows with ascending text ids: `planes` (words, n), `codes` and `scales` (see `decode`), `ids` (n,)."""

    def __init__(
        self,
        planes: NDArray[np.uint64],
        codes: NDArray[np.int8] | NDArray[np.uint8],
        scales: NDArray[np.float32],
        ids: NDArray[np.int64],
    ) -> None:
        self.planes, self.codes, self.scales, self.ids = planes, codes, scales, ids
        self._filters: OrderedDict[int, _Filter] = OrderedDict()

    @classmethod
    def of(cls, stored: StoredVectors) -> "Segment":
        """Build a segment in memory."""
        codes, scales = decode(stored.data, stored.storage)
        return cls(bit_planes(codes), codes, scales, stored.text_ids)

    def best(self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.int64] | None) -> Best:
        """Return candidates for the best `limit`, compared exactly, among the allowed texts (None for all)."""
        if not self.ids.size:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        rows = self._candidates(query, limit, None if allowed is None else self._filter(allowed))
        return self.ids[rows], dot((self.codes, self.scales), rows, query)

    def _candidates(self, query: NDArray[np.float32], limit: int, narrowed: _Filter | None) -> NDArray[np.intp]:
        """Return the rows worth an exact comparison: all of few, the nearest by sign bits of many."""
        count = self.ids.size if narrowed is None else narrowed.rows.size
        rescored = max(RESCORED_LEAST, count // RESCORED_SHARE, limit)
        if count <= rescored:
            return np.arange(count) if narrowed is None else narrowed.rows
        planes = self.planes if narrowed is None else narrowed.planes
        chosen = nearest(hamming(planes, bit_planes(query[None, :])[:, 0]), rescored)
        return chosen if narrowed is None else narrowed.rows[chosen]

    def _filter(self, allowed: NDArray[np.int64]) -> _Filter:
        """Return the rows of the allowed texts; kept by identity, for callers keep the array of a filter."""
        kept = self._filters.get(id(allowed))
        if kept is not None and kept.allowed is allowed:
            self._filters.move_to_end(id(allowed))
            return kept
        places = np.searchsorted(self.ids, allowed)
        places[places == self.ids.size] = 0
        rows: NDArray[np.intp] = places[self.ids[places] == allowed]
        kept = self._filters[id(allowed)] = _Filter(allowed, rows, self.planes[:, rows])
        if len(self._filters) > KEPT_FILTERS:
            self._filters.popitem(last=False)
        return kept
