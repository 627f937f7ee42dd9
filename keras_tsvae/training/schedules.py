"""Whether a learning rate schedule is as long as the training it is used in."""

import warnings
from typing import Any

import keras
from keras import ops

TOLERANCE = 0.1
REMEDY = "make the schedule as long as the fit, or go on with the fit later"


def warn_of_schedule(
    what: str,
    optimizer: keras.optimizers.Optimizer,
    steps: int,
    remedy: str = REMEDY,
    length: int | None = None,
) -> None:
    """Warns if the learning rate's schedule and the fit differ in length by more than a tenth.

    Args:
        what: What is trained, in messages, such as `"stage 1"`.
        optimizer: A Keras optimiser.
        steps: Int, the steps that the fit will make, beside those that are made already.
        remedy: What to do about it, a clause. Defaults to what helps without a preset.
        length: Int, of an `ExponentialDecay`, which does not say how long it is. Defaults to None.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, keras.optimizers.schedules.ExponentialDecay):
        length = _length(schedule)
    if not length:
        return
    every = optimizer.gradient_accumulation_steps or 1
    end = int(ops.convert_to_numpy(optimizer.iterations)) * every + steps
    if abs(end - length) > TOLERANCE * length:
        warnings.warn(
            f"The learning rate schedule of {what} is made for {length:,} steps, but this fit ends "
            f"after {end:,}: {remedy}.",
            stacklevel=5,
        )


def _length(schedule: Any) -> int | None:
    """Returns the steps after which a schedule stays as it is, None if it does not say."""
    schedules = keras.optimizers.schedules
    if isinstance(schedule, schedules.CosineDecay):
        return schedule.decay_steps + schedule.warmup_steps
    if isinstance(schedule, schedules.PolynomialDecay) and not schedule.cycle:
        return schedule.decay_steps
    return None
