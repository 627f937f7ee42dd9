"""Arrays side by side, which may be larger than memory."""

import numpy as np


class Columns:
    """The columns of several arrays as one, of which only the rows in use are put together.

    Args:
        *arrays: Arrays `(n, width)`, or memory maps.

    Example:
        >>> Columns(np.zeros((5, 2)), np.ones((5, 1)))[1:3].shape
        (2, 3)
    """

    def __init__(self, *arrays: np.ndarray) -> None:
        self.arrays = arrays

    @property
    def shape(self) -> tuple[int, int]:
        """`(n, sum of the widths)`."""
        return len(self), sum(array.shape[1] for array in self.arrays)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.arrays[0])

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Returns some rows, by a slice or their numbers."""
        return np.concatenate([array[rows] for array in self.arrays], axis=1)
