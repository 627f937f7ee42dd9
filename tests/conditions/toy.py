"""Pictures whose corners are bright where their attributes say so, and models of them."""

import functools

import keras
import numpy as np

import keras_tsvae as tsvae
from tests import tiny

NAMES = ("north_west", "north_east", "south_west")
LATENT_DIM = 4
ROWS = np.array([[1, -1, -1], [-1, 1, -1], [-1, 1, 1], [-1, -1, 1], [-1, -1, -1], [1, -1, 1]])
SHARES = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])  # north_west and north_east never go together
CORNERS = [(0, 0), (0, 5), (5, 0), (5, 5)]  # of blocks 3x3; nobody is told of the last one


def data(n, seed=0):
    """Uint8 images `(n, 8, 8, 1)` and attributes `(n, 3)`, +1 and -1."""
    rng = np.random.default_rng(seed)
    attributes = ROWS[rng.choice(len(ROWS), n, p=SHARES)]
    hidden = rng.choice([-1, 1], (n, 1))
    images = rng.integers(0, 40, (n, *tiny.IMAGE_SHAPE))
    for lit, (row, column) in zip(np.concatenate([attributes, hidden], 1).T, CORNERS):
        images[lit > 0, row : row + 3, column : column + 3] += 180
    return images.astype("uint8"), attributes


def seen(images):
    """What the corners of float images show, `(n, 4)`, +1 and -1."""
    blocks = [images[:, r : r + 3, c : c + 3].mean((1, 2, 3)) for r, c in CORNERS]
    return np.where(np.stack(blocks, 1) > 0.5, 1, -1)


def model(conditioning="modulate"):
    """An uncompiled residual `ConditionalTwoStageVAE` for these pictures, both stages told."""
    size = {"condition_dim": len(NAMES)}
    return tsvae.ConditionalTwoStageVAE(
        tsvae.FirstStageVAE(tiny.encoder(**size), tiny.decoder(conditioning=conditioning, **size)),
        tsvae.SecondStageVAE(LATENT_DIM, 32, 2, conditioning=conditioning, **size),
        tsvae.conditions.Attributes(NAMES),
    )


def linear(conditions=None, seen=None):
    """A compiled model that is cheap to trace: a linear first stage, a second one that is told.

    It heeds coded conditions that were `seen` as if it had been trained on them.
    """
    conditions = tsvae.conditions.Attributes(NAMES) if conditions is None else conditions
    made = tsvae.ConditionalTwoStageVAE(
        tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, LATENT_DIM)),
        tsvae.SecondStageVAE(LATENT_DIM, 8, 1, condition_dim=conditions.size),
        conditions,
    )
    if seen is not None:
        made.joint = tsvae.conditions.JointConditions(seen, np.ones(len(seen)))
        rng = np.random.default_rng(0)
        for w in made.second_stage.weights:
            if "modulation" in w.path:
                w.assign(rng.uniform(0.1, 0.9, w.shape))
            elif "log_std/kernel" in w.path:
                w.assign(0.0 * w)  # or a loss that is exponential in them may diverge
    made.compile(keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3))
    return made


@functools.cache
def fitted(conditioning):
    """A model that has learnt the pictures; with "modulate", also to recognize what they show.

    Not to be changed.
    """
    keras.utils.set_random_seed(1234)
    trained, recognizes = model(conditioning), conditioning == "modulate"
    fused = tsvae.optimizers.FusedAdam  # compiled faster than Keras's
    trained.compile(fused(1e-2), fused(1e-2))
    recognition = {"recognizer_epochs": 5 * recognizes, "correct_conditions": recognizes}
    trained.fit(*data(1024), epochs=8, second_stage_epochs=8, verbose=0, **recognition)
    return tiny.shared(trained)
