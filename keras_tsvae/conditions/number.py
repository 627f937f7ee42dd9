"""A single number, as in the thesis's experiment on MNIST."""

from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions.condition import Condition, as_array, numbers


@keras.saving.register_keras_serializable(package="keras_tsvae")
class Number(Condition):
    """A single finite number, coded as it is, such as MNIST's digits 0 to 9.

    In training, one number for each image; asked for, one for all, or one for each.

    Args:
        name: What the number is called. Defaults to `"number"`.

    Example:
        >>> keras_tsvae.conditions.Number().encode([7])
        array([[7.]], dtype=float32)

    Source:
        Trentin (2019), chapter 5.
    """

    kind = "number"
    rank_of_one = 0
    discrete = False
    names: tuple[str]

    def __init__(self, name: str = "number") -> None:
        super().__init__(1, (name,))

    def encode(self, values: Any) -> np.ndarray:
        """Returns numbers `(n,)` or `(n, 1)` as float32 `(n, 1)`."""
        array = as_array(values)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        return numbers(array, 1, "finite numbers, one for each image").astype("float32")[:, None]

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Returns the numbers, float32 `(n,)`."""
        return np.asarray(codes, "float32")[:, 0]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's argument."""
        return {"name": self.names[0]}
