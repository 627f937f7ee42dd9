"""Any vector of numbers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions.condition import Condition, numbers
from keras_tsvae.conditions.tables import in_order


@keras.saving.register_keras_serializable(package="keras_tsvae")
class Vector(Condition):
    """A vector of finite numbers, coded as it is; best scaled to about [-1, 1] by the user.

    Asked for, such a vector, several, or, with names, a dict of them that leaves the others open;
    what it names must then equal values seen in training.

    Args:
        size: Positive int, the vector's width; needed only without names. Defaults to None.
        names: One name for each entry, or None. Defaults to None.

    Raises:
        ValueError: If there are neither names nor a size, or names are given twice.

    Example:
        >>> keras_tsvae.conditions.Vector(2).encode([[0.5, -0.25]])
        array([[ 0.5 , -0.25]], dtype=float32)
    """

    kind = "vector"
    discrete = False

    def __init__(self, size: int | None = None, names: Sequence[str] | None = None) -> None:
        super().__init__(size, names)

    def encode(self, values: Any) -> np.ndarray:
        """Returns the vectors as float32."""
        rule = f"finite vectors of width {self.size}"
        array = numbers(in_order(values, self.names, "conditions"), 2, rule)
        if array.shape[1] != self.size:
            raise ValueError(f"`conditions` must be {rule}. Received: shape={array.shape}")
        return array.astype("float32")

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Returns the vectors, float32."""
        return np.asarray(codes, "float32")
