"""Every vector is checked before it is stored."""

import numpy as np
from numpy.typing import NDArray

from instar.domain.models import ModelSpec

NORM_TOLERANCE = 1e-3
"""How far the length of a unit vector may be from 1: float32 rounding stays below 1e-5, float16 below 1e-3."""


def faults(vectors: NDArray[np.float32], count: int, spec: ModelSpec) -> dict[int, str]:
    """Return the rows that must not be stored, with the reason; all of them where the shape is wrong."""
    if vectors.shape != (count, spec.stored_dimensions):
        reason = f"shape {vectors.shape} instead of {(count, spec.stored_dimensions)}"
        return dict.fromkeys(range(count), reason)
    lengths = np.linalg.norm(vectors, axis=1)
    found = {int(i): "not finite" for i in np.flatnonzero(~np.isfinite(vectors).all(axis=1))}
    for i in np.flatnonzero(lengths == 0):
        found.setdefault(int(i), "zero")
    if spec.normalised:
        for i in np.flatnonzero(np.abs(lengths - 1) > NORM_TOLERANCE):
            found.setdefault(int(i), f"length {lengths[i]:.4f} instead of 1")
    return found
