"""Figures of generated images, in whichever of their forms they come."""

import math
import numbers
import typing
from collections.abc import Mapping

Rows: typing.TypeAlias = dict[str, dict[str, float]]


def figures_of(evaluation: typing.Any) -> tuple[Rows, str]:
    """Returns figures by the names of sets of images, and what all of them have in common.

    Args:
        evaluation: A `GenerationReport`; what its `to_dict` returns; a dict with such rows, each
            with its `name`, in a list `rows`, and a `caption`, as a run's `evaluation.json` has it;
            or None.

    Raises:
        ValueError: If it is anything else.
    """
    if evaluation is None:
        return {}, ""
    caption = getattr(evaluation, "caption", "")
    given = evaluation.to_dict() if hasattr(evaluation, "to_dict") else evaluation
    try:
        caption = caption or given.get("caption", "")
        rows = given.get("rows", given)
        if not isinstance(rows, Mapping):
            rows = {row["name"]: row for row in rows}
        found = {str(name): _numbers(row) for name, row in rows.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            "`evaluation` must be what `evaluate_generation` returns, or its `to_dict()`. "
            f"Received: a {type(evaluation).__name__}"
        ) from error
    return {name: row for name, row in found.items() if row}, str(caption)


def _numbers(row):
    """Returns the finite numbers of a dict."""
    return {
        key: float(value)
        for key, value in row.items()
        if isinstance(value, numbers.Real) and math.isfinite(value)
    }
