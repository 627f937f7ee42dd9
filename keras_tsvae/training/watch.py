"""How a phase of a training is to be fitted."""

import dataclasses

import keras


@dataclasses.dataclass
class Watch:
    """How a phase of a training is to be fitted: which epochs, and by which callbacks watched."""

    callbacks: list[keras.callbacks.Callback]
    epochs: int
    initial_epoch: int
