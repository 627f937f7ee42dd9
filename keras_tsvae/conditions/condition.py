"""What all kinds of conditions share."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions.tables import as_dict, in_order

LARGEST = 1e6  # of a coded value, which networks take as it is


class Condition:
    """One kind of condition; subclasses say how it is coded.

    Args:
        size: Positive int, the width of a coded condition, or None for the number of names.
        names: Sequence of as many different names, or None.

    Attributes:
        kind: `"attributes"`, `"classes"`, `"number"` or `"vector"`.
    """

    kind: str
    discrete = True
    rank_of_one = 1  # of what a user writes for one image

    def __init__(self, size: int | None, names: Sequence[str] | None) -> None:
        if isinstance(names, str) or not (names is None or np.iterable(names)):
            raise ValueError(
                "`names` must be a sequence of strings; without names give `size`. "
                f"Received: names={names!r}"
            )
        self.names = None if names is None else tuple(names)
        if names is None and size is None:
            raise ValueError("`names` or `size` must be given. Received: neither")
        self.size = positive_int("size", len(self.names or ()) if size is None else size)
        if self.names is None:
            return
        strings = all(isinstance(name, str) for name in self.names)
        if not strings or len(set(self.names)) != len(self.names) or len(self.names) != self.size:
            raise ValueError(
                f"`names` must be {self.size} different strings. Received: names={self.names!r}"
            )

    def __repr__(self) -> str:
        """Returns a short description."""
        return f"{type(self).__name__}(size={self.size})"

    def encode(self, values: Any) -> np.ndarray:
        """Returns coded conditions, float32 `(n, size)`, of one label or vector for each image.

        Raises:
            ValueError: If they are not of this kind.
        """
        raise NotImplementedError

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Returns what a user would have written for coded conditions."""
        raise NotImplementedError

    def request(self, condition: Any) -> tuple[np.ndarray, np.ndarray]:
        """Turns what a user asks for into coded values and a mask of those that are named.

        Args:
            condition: As `ConditionalTwoStageVAE.sample` takes it, but not None.

        Returns:
            `(values, named)`, float32 and bool, both `(rows, size)`, of one row, or one for each
            image.

        Raises:
            ValueError: If the condition is not of this kind, or a name is unknown.
        """
        condition = as_dict(condition) if self.rank_of_one == 1 else condition
        if isinstance(condition, dict):
            return self._named_row(condition)
        sequence = isinstance(condition, (list, tuple))
        dicts = [isinstance(row, dict) for row in condition] if sequence else []
        if any(dicts):
            if not all(dicts):
                raise ValueError(
                    "`condition` must hold dicts alone, or no dict. "
                    f"Received: {condition[dicts.index(False)]!r} beside dicts"
                )
            rows = [self._named_row(row) for row in condition]
            values, named = (np.concatenate(part) for part in zip(*rows))
            return values, named
        values = self.encode(self._as_rows(condition))
        return values, np.ones(values.shape, bool)

    def changed(
        self,
        codes: np.ndarray,
        change: Any,
        strengthen: Callable[[np.ndarray], np.ndarray] = lambda values: values,
    ) -> np.ndarray:
        """Returns coded conditions with what `change` names in place of what they had.

        Args:
            codes: Coded conditions `(n, size)`.
            change: What a user asks for.
            strengthen: Function of coded conditions, for those that are asked for. Defaults to
                the identity.
        """
        values, named = self.request(change)
        if len(values) not in (1, len(codes)):
            raise ValueError(
                "`condition` must be one, or one for each image. "
                f"Received: {len(values)} for {len(codes)} images"
            )
        return np.where(named, strengthen(values), codes).astype("float32")

    def path(
        self, codes: ArrayLike, name: str | int, steps: int, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Returns `steps` conditions between the extremes of what is called `name`.

        Args:
            codes: Coded conditions `(n, size)`, kept but for `name`.
            name: One of `names`.
            steps: Positive int.
            low: Least coded values in training, `(size,)`.
            high: Greatest coded values in training, `(size,)`.

        Returns:
            A float32 array `(n, steps, size)`.
        """
        column = self.index(name)
        paths = np.repeat(np.asarray(codes, "float32")[:, None], steps, axis=1)
        paths[:, :, column] = np.linspace(low[column], high[column], steps)
        return paths

    def index(self, name: object) -> int:
        """Returns the column of `name`; raises a `ValueError` with the nearest names."""
        if self.names is None:
            raise ValueError(
                f"`condition` must not hold names: these conditions have none. Received: {name!r}"
            )
        if not isinstance(name, str) or name not in self.names:
            near = difflib.get_close_matches(str(name), self.names, n=3, cutoff=0.4)
            lower = {known.lower(): known for known in self.names}
            near = [lower[str(name).lower()]] if str(name).lower() in lower else near
            hint = f" The nearest: {', '.join(near)}." if near else f" There are: {self.names}."
            raise ValueError(
                f"`condition` must name what the model was made with.{hint} Received: {name!r:.200}"
            )
        return self.names.index(name)

    def _as_rows(self, condition: Any) -> Any:
        """Returns what stands for one image as a batch of one."""
        if self.rank_of_one == 1:
            condition = in_order(condition, self.names, "conditions")
        condition = condition if hasattr(condition, "columns") else as_array(condition)
        return condition[None] if condition.ndim == self.rank_of_one else condition

    def _named_row(self, condition: dict[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Returns values and mask of a dict of names."""
        if not condition:
            raise ValueError("`condition` must name something. Received: {}")
        values, named = np.zeros((1, self.size), "float32"), np.zeros((1, self.size), bool)
        for name, value in condition.items():
            column = self.index(name)
            values[0, column] = self.encode_named(name, value)
            named[0, column] = True
        return values, named

    def encode_named(self, name: str, value: Any) -> float:
        """Returns the coded value of one name."""
        return as_number(name, value)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"size": self.size, "names": None if self.names is None else list(self.names)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Condition":
        """Creates the object anew from `get_config()`."""
        return cls(**config)


def as_array(values: Any) -> np.ndarray:
    """Returns `values` as an array; raises if its rows are of different lengths."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"`conditions` must have rows of one length. Received: {values!r:.200}"
        ) from error


def rank_of(values: Any) -> int:
    """Returns the number of axes of `values`; -1 if its rows are of different lengths."""
    try:
        return np.ndim(values)
    except ValueError:
        return -1


def as_number(name: str, value: Any) -> float:
    """Returns `value` as a finite float, or raises."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not abs(number) <= LARGEST:
        limit = f", none beyond {LARGEST:,.0f}" if abs(number) < np.inf else ""
        raise ValueError(f"`condition` must give numbers{limit}. Received: {name!r}: {value!r}")
    return number


def numbers(values: Any, rank: int, rule: str) -> np.ndarray:
    """Returns `values` as a finite array of `rank` axes, or raises with the `rule`."""
    array = as_array(values)
    if array.ndim != rank or array.dtype.kind not in "fiub" or not array.size:
        raise ValueError(
            f"`conditions` must be {rule}. Received: dtype={array.dtype}, shape={array.shape}"
        )
    largest = np.abs(array.astype("float64")).max()  # NaN if there is one
    if not largest <= LARGEST:
        if np.isfinite(largest):
            rule, received = f"{rule}, none beyond {LARGEST:,.0f}", f"{largest:g}"
        else:
            received = "NaN or infinity"
        raise ValueError(f"`conditions` must be {rule}. Received: {received}")
    return array
