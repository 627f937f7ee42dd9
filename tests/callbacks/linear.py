"""Models with a linear first stage, which JAX compiles in no time."""

import keras

from keras_tsvae import FirstStageVAE, TwoStageVAE
from tests import tiny


def first_stage():
    """A compiled and built first stage; its images are in [0, 1]."""
    encoder, decoder = tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM)
    sigmoid = keras.layers.Activation("sigmoid")
    model = FirstStageVAE(encoder, keras.Sequential([decoder, sigmoid]))
    model.compile(keras.optimizers.SGD(1e-4))
    return model


def two_stage():
    """Both stages, compiled and built."""
    return TwoStageVAE(first_stage(), tiny.second_stage())
