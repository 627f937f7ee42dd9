"""The smallest models and data that still have every part."""

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


def first_stage(optimizer=None):
    """A compiled first stage; plain gradient descent traces fastest."""
    model = tsvae.FirstStageVAE(encoder(), decoder())
    model.compile(optimizer or keras.optimizers.SGD(1e-3))
    return model


def second_stage(optimizer=None):
    """A compiled second stage."""
    model = tsvae.SecondStageVAE(LATENT_DIM, width=16, depth=2)
    model.compile(optimizer or keras.optimizers.SGD(1e-3))
    return model


def two_stage(optimizer="sgd"):
    """Both."""
    optimizers = (
        keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": 1e-3}})
        for _ in range(2)
    )
    return tsvae.TwoStageVAE(*(make(o) for make, o in zip((first_stage, second_stage), optimizers)))


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
