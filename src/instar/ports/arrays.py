"""Arrays as the ports hand them on."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Shape (d,)."""
Matrix = NDArray[np.float32]
"""Shape (n, d), a row for a text."""
Ids = NDArray[np.int64]
"""Shape (n,)."""
