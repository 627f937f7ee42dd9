"""Whether a second stage draws the latent vectors of training images again."""

import typing

import numpy as np

from keras_tsvae.arguments import non_negative_int
from keras_tsvae.evaluation.held_out_log_prob import check_posteriors
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import draw, moments
from keras_tsvae.metrics.replay import Replay

TRAINING_MEANS, SAMPLES = 60_000, 10_000  # at the most


def latent_replay(
    second_stage: typing.Any, train: Posteriors, held_out: Posteriors, seed: int = 1
) -> dict[str, float]:
    """Measures how many samples of z are training posteriors drawn again; nothing is decoded.

    As `Replay` has it, of samples of z against the means of training posteriors, with draws from
    held-out posteriors as the measure. Each dimension counts in units of `sqrt(E std^2)` of the
    training posteriors, which is as much of z as an image tells. Up to 60,000 means, and 10,000
    samples and draws, are taken at random. A conditional stage samples under the conditions of the
    held-out posteriors.

    Args:
        second_stage: A fitted second stage, or anything with its method `sample`.
        train: `Posteriors` that it was fitted to, at least 2.
        held_out: Those of images that no stage was trained on.
        seed: Non-negative int. Defaults to 1.

    Returns:
        A dict of `"replay"`, the share of the samples, and `"replay_fair"`, that of the draws of
        held-out posteriors, 0.05 as a rule: a second stage with far more draws training images
        again.

    Raises:
        ValueError: If an argument is not as described.
    """
    check_posteriors(held_out, train)
    rng = np.random.default_rng(non_negative_int("seed", seed))
    train, held_out = _some(train, TRAINING_MEANS, rng), _some(held_out, SAMPLES, rng)
    variance = np.square(train.std, dtype="float64").mean(0)
    least = 1e-6 * np.diagonal(moments(train)[1])  # where posteriors are points
    scale = np.sqrt(np.maximum(variance, least))
    scale = np.where(scale > 0, scale, 1.0)
    replay = Replay(train.mean / scale, draw(held_out, seed) / scale)
    condition = {}
    if getattr(second_stage, "condition_dim", None) is not None:
        condition = {"condition": held_out.condition}
    samples = second_stage.sample(len(held_out), seed=seed, **condition)
    return {"replay": replay.share(samples / scale), "replay_fair": replay.fair}


def _some(posteriors: Posteriors, n: int, rng: np.random.Generator) -> Posteriors:
    """Returns at most `n` posteriors, chosen at random, in their order."""
    if len(posteriors) <= n:
        return posteriors
    rows = np.sort(rng.choice(len(posteriors), n, replace=False))
    return Posteriors(*(array[rows] for array in posteriors.arrays))
