"""Attributes that a picture has or has not."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions.condition import Condition, numbers, rank_of
from keras_tsvae.conditions.tables import in_order


@keras.saving.register_keras_serializable(package="keras_tsvae")
class Attributes(Condition):
    """Any number of attributes, each there (+1) or not (-1), coded as they are.

    In training, rows of +1 and -1, or of 1 and 0, or a table, such as a pandas DataFrame, whose
    columns have the names, in any order. Asked for, such a vector, several, or a dict from
    names to +1 and -1 (or True and False) that leaves the others open.

    Args:
        names: One name for each attribute, or None for attributes without. Defaults to None.
        size: Positive int, how many; needed only without names.

    Raises:
        ValueError: If there are neither names nor a size, or names are given twice.

    Example:
        >>> keras_tsvae.conditions.Attributes(["Smiling", "Eyeglasses"]).encode([[1, 0]])
        array([[ 1., -1.]], dtype=float32)
    """

    kind = "attributes"

    def __init__(self, names: Sequence[str] | None = None, size: int | None = None) -> None:
        super().__init__(size, names)

    def encode(self, values: Any) -> np.ndarray:
        """Returns float32 rows of +1 and -1."""
        rule = f"rows of {self.size} attributes, +1 and -1 or 1 and 0"
        array = numbers(in_order(values, self.names, "conditions"), 2, rule)
        valid = np.isin(array, (-1, 0, 1)).all()
        mixed = valid and (array == 0).any() and (array < 0).any()
        if not valid or mixed:
            wrong = "both -1 and 0" if mixed else f"values such as {_strangest(array)!r}"
            raise ValueError(f"`conditions` must be {rule}. Received: {wrong}")
        if array.shape[1] != self.size:
            raise ValueError(f"`conditions` must be {rule}. Received: shape={array.shape}")
        return np.where(array > 0, 1, -1).astype("float32")

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Returns int8 rows of +1 and -1."""
        return np.where(np.asarray(codes) > 0, 1, -1).astype("int8")

    def encode_named(self, name: str, value: Any) -> float:
        """Returns +1 or -1."""
        is_one = rank_of(value) == 0 and not isinstance(value, str) and not np.iscomplexobj(value)
        if not is_one or value not in (-1, 0, 1):
            raise ValueError(
                "`condition` must give attributes as +1 and -1 (or 1 and 0, True and False). "
                f"Received: {name!r}: {value!r}"
            )
        return 1.0 if value > 0 else -1.0


def _strangest(array: np.ndarray) -> Any:
    return array[~np.isin(array, (-1, 0, 1))].ravel()[0].item()
