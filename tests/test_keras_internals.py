"""What is borrowed from inside of Keras is still there, and does what it is borrowed for."""

import keras
import numpy as np

from keras_tsvae.backend import keras_internals
from tests import tiny


def test_layers_inside():
    encoder = tiny.encoder()
    assert [layer.name for layer in keras_internals.layers_inside(encoder)] == [
        layer.name for layer in encoder.layers
    ]
    block = encoder.get_layer("scale_0")
    assert keras_internals.layers_inside(block) == block.blocks
    names = [layer.name for layer in keras_internals.all_layers(block)]
    assert names[:2] == ["scale_0", "block_0"]
    assert {"norm_0", "transform_0", "shortcut"} == set(names[2:])


def test_variables_that_an_optimizer_has_state_for():
    kernels = [keras.Variable(np.ones(2)), keras.Variable(np.zeros(3))]
    for optimizer in (
        keras.optimizers.Adam(),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()),
    ):
        assert list(keras_internals.built_for(optimizer)) == []
        optimizer.build(kernels)
        assert [id(v) for v in keras_internals.built_for(optimizer)] == [id(v) for v in kernels]
