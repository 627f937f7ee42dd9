"""What a user asks of a conditional model, as coded conditions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_tsvae.arguments import is_number, naming_argument
from keras_tsvae.conditions.condition import Condition
from keras_tsvae.conditions.joint import JointConditions

STRONGEST = 100


def requested(
    conditions: Condition, joint: JointConditions, condition: Any, n: int
) -> Callable[[slice, np.ndarray], np.ndarray]:
    """Returns a function that gives the coded conditions of some of n images.

    Args:
        conditions: A `Condition`.
        joint: The `JointConditions` that what is left open is drawn from.
        condition: As `ConditionalTwoStageVAE.sample` takes it; None leaves all open.
        n: Int.

    Returns:
        A function of the images' numbers, a slice, and of as many numbers in [0, 1], which pick
        what is left open.

    Raises:
        ValueError: If the condition is not of this kind, is not one for all or one for each, or
            no training condition agrees with it.
    """
    if condition is None:
        return lambda rows, uniform: joint.draw(uniform)
    with naming_argument("condition"):
        values, named = conditions.request(condition)
    if conditions.kind == "classes":
        _check_seen(conditions, joint, values)
    if len(values) not in (1, n):
        raise ValueError(
            "`condition` must be one for all images, or one for each. "
            f"Received: {len(values)} for n={n}"
        )
    if len(values) == 1:
        try:
            joint.draw(np.zeros(1), values[0], named[0])  # now, not at the first image
        except ValueError as error:
            raise ValueError(f"{error}: {condition!r}") from error
        return lambda rows, uniform: joint.draw(uniform, values[0], named[0])
    if named.all():
        return lambda rows, uniform: values[rows]

    def draw_each(rows, uniform):
        each = zip(uniform, values[rows], named[rows])
        return np.concatenate([joint.draw(np.array([u]), v, m) for u, v, m in each])

    return draw_each


def _check_seen(conditions: Condition, joint: JointConditions, values: np.ndarray) -> None:
    """Raises unless all classes asked for occur in training."""
    unseen = values @ joint.rows.sum(axis=0) == 0
    if unseen.any():
        label = conditions.decode(values[unseen])[0]
        raise ValueError(
            f"`condition` must be a class of at least one training example. Received: {label}"
        )


def strengthened(
    conditions: Condition, joint: JointConditions, strength: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function that moves coded conditions away from the mean training condition.

    Raises:
        ValueError: If `strength` is not a number from 0 to 100, or the conditions are not discrete
            and it is not 1.
    """
    if not is_number(strength) or not 0 <= strength <= STRONGEST:
        raise ValueError(
            f"`strength` must be a number from 0 to {STRONGEST}. Received: strength={strength!r}"
        )
    if strength == 1:
        return lambda codes: codes
    if not conditions.discrete:
        raise ValueError(
            "`strength` must be 1 for conditions of one number or a vector, which say how much "
            f"themselves. Received: strength={strength}"
        )
    center = joint.center
    return lambda codes: (center + strength * (codes - center)).astype("float32")


def whole(conditions: Condition, condition: Any) -> np.ndarray:
    """Returns coded conditions, one for all or one for each; raises if anything is left open."""
    with naming_argument("condition"):
        values, named = conditions.request(condition)
    if not named.all():
        raise ValueError(
            "`condition` must be whole: it says what images show. Received one that leaves "
            f"something open: {condition!r:.200}"
        )
    return values


def for_each(values: np.ndarray, n: int) -> np.ndarray:
    """Returns one coded condition for each of n images; raises if there are others."""
    if len(values) not in (1, n):
        raise ValueError(
            f"`condition` must be one for all, or one for each of {n} images. "
            f"Received: {len(values)}"
        )
    return np.broadcast_to(values, (n, values.shape[1]))
