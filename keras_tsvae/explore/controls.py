"""The controls that the conditions of a model need, and what they say together."""

import typing
from collections.abc import Sequence

import numpy as np

from keras_tsvae.conditions import Condition, JointConditions
from keras_tsvae.explore.control import Control

_OPEN = -1  # of a class: none is asked for
_SIGNS = (("no", -1), ("yes", 1))
_ASK = Control("ask for it", False)


def controls_of(conditions: Condition | None, joint: JointConditions | None) -> list[Control]:
    """Returns one control for the class, or one for each attribute, number or entry of a vector.

    Numbers, vectors and attributes without names can only be asked for as a whole; of these the
    first control is a switch that says whether they are.

    Args:
        conditions: The model's, or None.
        joint: Those seen in training, or None.
    """
    if conditions is None or joint is None:
        return []
    names = _names(conditions)
    if conditions.kind == "classes":
        labels = ((name, label) for label, name in enumerate(names))
        return [Control("class", _OPEN, (("any", _OPEN), *labels))]
    if conditions.kind == "attributes" and conditions.names is not None:
        return [Control(name, 0, (("any", 0), *_SIGNS)) for name in names]
    if conditions.kind == "attributes":
        return [_ASK, *(Control(name, -1, _SIGNS) for name in names)]
    low, high, middle = joint.rows.min(0), joint.rows.max(0), joint.center
    return [
        _ASK,
        *(
            Control(name, float(middle[i]), span=(float(low[i]), float(high[i])))
            for i, name in enumerate(names)
        ),
    ]


def condition_of(conditions: Condition | None, values: Sequence[typing.Any]) -> typing.Any:
    """Returns what the values of all controls ask for, as `sample` takes it.

    Args:
        conditions: The model's, or None.
        values: One value of each of `controls_of`.

    Returns:
        A label, a dict, a number or a row, or None if nothing is asked for.
    """
    if conditions is None or not values:
        return None
    if conditions.kind == "classes":
        return None if values[0] == _OPEN else int(values[0])
    if conditions.kind == "attributes" and conditions.names is not None:
        signs = zip(conditions.names, values, strict=True)
        return {name: int(sign) for name, sign in signs if sign} or None
    switch, *row = values
    if not switch:
        return None
    return float(row[0]) if conditions.kind == "number" else np.asarray(row, "float32")


def in_words(conditions: Condition, value: typing.Any) -> str:
    """Returns one condition, as `infer_condition` returns it, in words."""
    names = _names(conditions)
    if conditions.kind == "classes":
        return names[int(value)]
    if conditions.kind == "attributes":
        there = [name for name, sign in zip(names, value, strict=True) if sign > 0]
        return f"with {', '.join(there)}" if there else "with none of them"
    numbers = zip(names, np.atleast_1d(value), strict=True)
    return ", ".join(f"{name} {number:.3g}" for name, number in numbers)


def _names(conditions):
    """Returns the names of classes, attributes or entries; numbers where there are none."""
    return list(conditions.names or map(str, range(conditions.size)))
