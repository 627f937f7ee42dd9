"""Classes, of which a picture has exactly one."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions.condition import Condition, as_array, numbers, rank_of
from keras_tsvae.conditions.tables import in_order


@keras.saving.register_keras_serializable(package="keras_tsvae")
class Classes(Condition):
    """One class of several, coded one-hot.

    In training, integer labels from 0. Asked for, a label, a name, one of either for each image, or
    one-hot rows.

    Args:
        size: Positive int, how many classes; needed only without names. Defaults to None.
        names: One name for each class, or None. Defaults to None.

    Raises:
        ValueError: If there are neither names nor a size, or names are given twice.

    Example:
        >>> keras_tsvae.conditions.Classes(3).encode([2])
        array([[0., 0., 1.]], dtype=float32)
    """

    kind = "classes"
    rank_of_one = 0

    def __init__(self, size: int | None = None, names: Sequence[str] | None = None) -> None:
        super().__init__(size, names)

    def encode(self, values: Any) -> np.ndarray:
        """Returns one-hot rows, float32, of integer labels `(n,)` or of one-hot rows."""
        rule = f"integer labels from 0 to {self.size - 1}"
        if np.size(getattr(values, "columns", ())) > 1:
            values = in_order(values, self.names, "conditions")
        array = as_array(values)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim == 2:
            return self._check_one_hot(array)
        labels = numbers(array, 1, rule)
        if (labels != np.round(labels)).any() or labels.dtype.kind == "b":
            raise ValueError(f"`conditions` must be {rule}. Received: dtype={labels.dtype}")
        if labels.min() < 0 or labels.max() >= self.size:
            wrong = labels[(labels < 0) | (labels >= self.size)][0]
            raise ValueError(f"`conditions` must be {rule}. Received: {wrong}")
        return np.eye(self.size, dtype="float32")[labels.astype(int)]

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Returns int64 labels `(n,)`."""
        return np.argmax(codes, axis=-1)

    def request(self, condition: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns one-hot rows, all of which count as named.

        One row of floats, such as `draw_conditions` draws, is taken for one-hot if it is; anything
        else in one row is a label for each image.
        """
        if getattr(condition, "ndim", 0) == 1 and np.asarray(condition).dtype.kind in "UO":
            condition = np.asarray(condition).tolist()
        condition = [condition] if isinstance(condition, str) else condition
        if rank_of(condition) == 1 and np.asarray(condition).dtype.kind == "f":
            row = np.asarray(condition)
            one_hot = len(row) == self.size and np.isin(row, (0, 1)).all() and row.sum() == 1
            condition = row[None] if one_hot else condition
        dicts = isinstance(condition, (list, tuple)) and any(isinstance(c, dict) for c in condition)
        if isinstance(condition, (list, tuple)) and not dicts:
            named = [isinstance(label, str) for label in condition]
            condition = [self.index(c) if name else c for c, name in zip(condition, named)]
        return super().request(condition)

    def _named_row(self, condition: dict[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the one-hot row of the class that a dict gives the value 1."""
        chosen = [name for name, value in condition.items() if rank_of(value) == 0 and value == 1]
        if len(condition) != 1 or len(chosen) != 1:
            raise ValueError(
                "`condition` must name one class, with the value 1. "
                f"Received: condition={condition!r}"
            )
        return self.request(chosen[0])

    def path(
        self, codes: ArrayLike, name: str | int, steps: int, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Returns conditions on straight lines from each picture's class to that of `name`."""
        target = self.request(name)[0]
        if len(target) != 1:
            raise ValueError(f"`name` must be one class. Received: name={name!r}")
        weights = np.linspace(0, 1, steps, dtype="float32")[:, None]
        return (1 - weights) * np.asarray(codes)[:, None] + weights * target[:, None]

    def _check_one_hot(self, rows: np.ndarray) -> np.ndarray:
        valid = rows.shape[1] == self.size and rows.dtype.kind in "fiub"
        if not valid or not (np.isin(rows, (0, 1)).all() and (rows.sum(1) == 1).all()):
            raise ValueError(
                f"`conditions` must be integer labels, or one-hot rows of {self.size} values. "
                f"Received: dtype={rows.dtype}, shape={rows.shape}"
            )
        return rows.astype("float32")
