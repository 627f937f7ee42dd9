"""The published experiments, as data: architecture, optimiser, schedule, epochs, source.

    >>> keras_tsvae.presets.names()
    >>> print(keras_tsvae.presets.describe("cifar10"))
    >>> model = keras_tsvae.TwoStageVAE.from_preset("cifar10", latent_dim=32)

Where a source leaves a setting open, it is the default of the code published with the paper.
"""

from keras_tsvae.presets.preset import Preset, conditions_of, learning_rates, optimizers
from keras_tsvae.presets.published import describe, get, names

__all__ = [
    "Preset",
    "conditions_of",
    "describe",
    "get",
    "learning_rates",
    "names",
    "optimizers",
]
