"""The smallest models and data that still have every part.

To trace and compile a network takes far longer than to run it. So models have dense networks
with batch norm unless a test is about residual ones.
"""

import keras
import numpy as np

import keras_tsvae as tsvae

IMAGE_SHAPE = (8, 8, 1)
LATENT_DIM = 4
SMALL = {"base_dim": 4, "depth_per_block": 1}


def images(n, shape=IMAGE_SHAPE, seed=0):
    """Bright squares at random places on a dark, noisy ground, uint8."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 40, (n, *shape))
    corners = rng.integers(0, min(shape[:2]) - 3, (n, 2))
    for picture, (row, column) in zip(pictures, corners):
        picture[row : row + 3, column : column + 3] += 200
    return pictures.astype("uint8")


def encoder(**kwargs):
    """A residual encoder of two scales."""
    arguments = {**SMALL, "num_scale": 2, "fc_dim": 16, **kwargs}
    return tsvae.networks.ResNetEncoder(IMAGE_SHAPE, LATENT_DIM, **arguments)


def decoder(**kwargs):
    """A residual decoder."""
    return tsvae.networks.ResNetDecoder(IMAGE_SHAPE, LATENT_DIM, **{**SMALL, **kwargs})


def dense_networks():
    """An encoder and a decoder of one hidden layer with batch norm each."""
    x, z = keras.Input(IMAGE_SHAPE), keras.Input((LATENT_DIM,))
    small = keras.initializers.RandomNormal(stddev=0.05)
    heads = [
        keras.layers.Dense(LATENT_DIM, kernel_initializer=small.clone(), name=name)
        for name in ("mean", "log_std")
    ]
    features = hidden(keras.layers.Flatten()(x))
    pixels = keras.layers.Dense(int(np.prod(IMAGE_SHAPE)), "sigmoid")(hidden(z))
    images = keras.layers.Reshape(IMAGE_SHAPE)(pixels)
    return keras.Model(x, [head(features) for head in heads]), keras.Model(z, images)


def hidden(x):
    """A dense layer with batch norm."""
    normalized = tsvae.layers.DebiasedBatchNormalization()(keras.layers.Dense(8)(x))
    return keras.layers.ReLU()(normalized)


def residual_networks():
    """A residual encoder and a residual decoder."""
    return encoder(), decoder()


def first_stage(optimizer=None, networks=dense_networks):
    """A compiled first stage; plain gradient descent traces fastest."""
    model = tsvae.FirstStageVAE(*networks())
    model.compile(optimizer or keras.optimizers.SGD(1e-3))
    return model


def second_stage(optimizer=None):
    """A compiled second stage."""
    model = tsvae.SecondStageVAE(LATENT_DIM, width=16, depth=2)
    model.compile(optimizer or keras.optimizers.SGD(1e-3))
    return model


def two_stage(optimizer="sgd", networks=dense_networks):
    """Both."""
    optimizers = [
        keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": 1e-3}})
        for _ in range(2)
    ]
    first = first_stage(optimizers[0], networks)
    return tsvae.TwoStageVAE(first, second_stage(optimizers[1]))


SHARED = []  # models that many tests read, and their weights


def shared(model):
    """Returns a model of which the session's end checks that no test has changed it."""
    SHARED.append((model, model.get_weights()))
    return model


def linear_networks(shape, latent_dim):
    """A linear encoder of constant deviation and a linear decoder, without batch norm."""
    pixels = int(np.prod(shape))
    x = keras.Input(shape)
    flat = keras.layers.Flatten()(x)
    mean = keras.layers.Dense(latent_dim)(flat)
    log_std = keras.layers.Dense(latent_dim, kernel_initializer="zeros")(flat)
    z = keras.Input((latent_dim,))
    reconstruction = keras.layers.Reshape(shape)(keras.layers.Dense(pixels)(z))
    return keras.Model(x, (mean, log_std)), keras.Model(z, reconstruction)
