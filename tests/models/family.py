"""The kinds of second stages, the smallest of each, for tests that all of them have to pass."""

import keras
import numpy as np

import keras_tsvae as tsvae
from tests import tiny
from tests.models.affine import AffineSecondStage

FLOW = {"mixture_rounds": 2, "width": 8, "depth": 1}
MEMBERS = {
    "vae": (tsvae.SecondStageVAE, {"width": 8, "depth": 1}),
    "mixture": (tsvae.SecondStageMixture, {"num_components": 2}),
    "flow": (tsvae.SecondStageFlow, {"integration_steps": 10, **FLOW}),
    "auto": (tsvae.SecondStageAuto, {"num_components": 2, **FLOW}),
    "affine": (AffineSecondStage, {"offset": 0.5}),  # a user's own
}
KINDS = tuple(MEMBERS)
PRESETS = ("vae", "mixture", "flow", "auto")
BY_GRADIENTS = tuple(kind for kind in KINDS if kind != "mixture")
WITH_DENSITIES = PRESETS
INVERTIBLE = tuple(kind for kind in KINDS if kind != "vae")


def member(kind, **kwargs):
    """A second stage, as the user makes it."""
    stage, sizes = MEMBERS[kind]
    return stage(tiny.LATENT_DIM, **{**sizes, **kwargs})


def compiled(kind, rate=1e-2, **kwargs):
    """One that can be trained."""
    stage = member(kind, **kwargs)
    stage.compile(keras.optimizers.Adam(rate))
    return stage


def posteriors(n, condition_dim=None, seed=0):
    """Posteriors that no mixture of two describes, with conditions that z goes with."""
    rng = np.random.default_rng(seed)
    mean = np.sin(2 * rng.standard_normal((n, tiny.LATENT_DIM)))
    arrays = mean.astype("float32"), np.full_like(mean, 0.1, "float32")
    if condition_dim is None:
        return tsvae.Posteriors(*arrays)
    condition = mean[:, :condition_dim] + 0.3 * rng.standard_normal((n, condition_dim))
    return tsvae.Posteriors(*arrays, condition.astype("float32"))


def with_random_weights(stage):
    """Returns a stage that is as far from a new one as training takes it."""
    stage.build((None, tiny.LATENT_DIM))
    rng = np.random.default_rng(0)
    for weight in stage.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.1, weight.shape).astype("float32"))
    for part in stage._flatten_layers():
        if isinstance(part, tsvae.SecondStageFlow):
            for average, weight in zip(part.average, part.velocity.weights):
                average.assign(weight)
        if isinstance(part, tsvae.SecondStageMixture):
            _, size = part.means.shape
            factor = np.eye(size) + 0.2 * np.tril(rng.normal(size=(size, size)))
            part.assign_components(np.ones(1), rng.normal(size=(1, size)), factor[None])
    if isinstance(stage, tsvae.SecondStageAuto):  # the flow, for its gain on 100 posteriors
        stage._chosen.assign([1, 100, -1, -2, 0.1, 0, 0, 0])
    return stage
