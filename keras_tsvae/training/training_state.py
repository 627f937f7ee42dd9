"""The variables of a training, and the generators of random numbers, as values to be kept."""

import random
from typing import Any

import keras
import numpy as np
from keras import ops


def phases_of(model: keras.Model) -> dict[str, Any]:
    """Returns the stages of a model, or of itself, by their titles."""
    stages = model.stages().values() if hasattr(model, "stages") else (model,)
    return {stage.title: stage for stage in stages}


def values_of(model: keras.Model, phases: dict[str, Any]) -> dict[str, list[np.ndarray]]:
    """Returns the values of all variables.

    Args:
        model: The whole model.
        phases: What is trained, by name, whose optimisers' variables are among them.
    """
    groups = {"model": model.variables}
    for phase, part in phases.items():
        if getattr(part, "optimizer", None) is not None:
            groups[phase] = part.optimizer.variables
    return {
        name: [np.asarray(ops.convert_to_numpy(variable)) for variable in variables]
        for name, variables in groups.items()
    }


def assign_values(name: str, variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    """Gives variables the values that others like them had.

    Raises:
        ValueError: If they do not fit; then no variable is changed.
    """
    current = [ops.convert_to_numpy(variable) for variable in variables]
    if [value.shape for value in current] != [value.shape for value in values]:
        raise ValueError(
            f"A backup must hold the variables of {name}. Received: {len(values)} for "
            f"{len(current)}, or of other shapes"
        )
    for variable, value, now in zip(variables, values, current):
        if value.dtype.kind == "V":  # of what NumPy does not know, such as bfloat16
            value = value.view(now.dtype)
        variable.assign(value.astype(now.dtype))  # backends differ in those of seeds


def generator_states() -> dict[str, Any]:
    """Returns the states of Python's and NumPy's global generators of random numbers."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def set_generators(states: dict[str, Any]) -> None:
    """Sets what `generator_states` returned."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(states["numpy"])
