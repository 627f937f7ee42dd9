"""Tables whose columns have names, such as pandas DataFrames, and rows of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def in_order(table: Any, names: Sequence[str] | None, argument: str) -> Any:
    """Returns a table as an array of the columns `names`, in that order; all else as it is.

    Args:
        table: An object with `columns`, such as a `pandas.DataFrame`. Columns that are but counted,
            from 0, have no names, and are in order.
        names: Sequence of str, or None where there are none to go by.
        argument: What messages call it.

    Raises:
        ValueError: If it has not exactly these columns.
    """
    columns = getattr(table, "columns", None)
    if columns is None or names is None or callable(columns):
        return table
    columns = list(columns)
    if columns == list(range(len(columns))):
        return np.asarray(table)
    missing = [name for name in names if name not in columns]
    unknown = [column for column in columns if column not in names]
    if missing or unknown or len(columns) != len(names):
        raise ValueError(
            f"`{argument}` must have one column for each of the names {tuple(names)!r:.300}. "
            f"Received: columns {columns!r:.300}; missing {missing!r:.200}, "
            f"unknown {unknown!r:.200}"
        )
    return np.stack([np.asarray(table[name]) for name in names], axis=1)


def as_dict(row: Any) -> Any:
    """Returns a row with names, such as a `pandas.Series`, as a dict; all else as it is."""
    index = getattr(row, "index", None)
    if index is None or callable(index) or not callable(getattr(row, "to_dict", None)):
        return row
    return row.to_dict() if all(isinstance(name, str) for name in index) else row
