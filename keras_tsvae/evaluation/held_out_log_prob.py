"""What a second stage is worth, in one number: the log density of held-out latent vectors."""

import typing

import numpy as np

from keras_tsvae.arguments import non_negative_int
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import gaussian_log_prob, moments, noise_generator

_ROWS_AT_ONCE = 4_096


def held_out_log_prob(
    second_stage: typing.Any, held_out: Posteriors, train: Posteriors | None = None, seed: int = 1
) -> dict[str, float]:
    """Measures how probable held-out latent vectors are, in nats, beside two simple densities.

    Each figure is the mean of log p(z) over `z ~ N(mean, std^2)` of each posterior; the more, the
    better. Differences do not depend on the units of z. A conditional stage is asked for log p(z|c)
    under the posteriors' conditions; the two densities beside it know no conditions.

    Args:
        second_stage: A fitted second stage, or anything with its method `log_prob`.
        held_out: `Posteriors` of images that no stage was trained on; in memory or memory-mapped.
        train: Those of the training images, which the single Gaussian is fitted to. Defaults to
            None: it is fitted to `held_out`, where no Gaussian is better; so it can only seem too
            good, by about `d * (d + 3) / (4 * n)` nats.
        seed: Non-negative int. A second stage's figure is of one draw from each posterior, as
            `keras_tsvae.latents.draw` makes it; equal seeds draw the same. Defaults to 1.

    Returns:
        A dict of `"log_prob"`, the second stage's, or `"log_prob_bound"` where that is a lower
        bound (`SecondStage.log_prob_is_bound`); neither of a stage that defines no
        `log_prob_batch`; `"log_prob_normal"`, of N(0, I), and `"log_prob_gaussian"`, of the single
        Gaussian with a full covariance that is most probable. The latter two are exact.

    Raises:
        ValueError: If widths differ.

    Example:
        >>> test, train = (model.posteriors(images) for images in (test_images, images))
        >>> keras_tsvae.metrics.held_out_log_prob(model.second_stage, test, train)
    """
    check_posteriors(held_out, held_out if train is None else train)
    figures = {}
    try:
        of_stage = _of_stage(second_stage, held_out, non_negative_int("seed", seed))
        figures[log_prob_name(second_stage)] = of_stage
    except NotImplementedError:
        pass  # of a stage that says nothing of it
    width = held_out.latent_dim
    gaussian = moments(held_out if train is None else train)
    return {
        **figures,
        "log_prob_normal": gaussian_log_prob(held_out, np.zeros(width), np.eye(width)),
        "log_prob_gaussian": gaussian_log_prob(held_out, *gaussian),
    }


def check_posteriors(held_out: Posteriors, train: Posteriors) -> None:
    """Raises a `ValueError` unless both are `Posteriors` of one width."""
    for name, posteriors in (("held_out", held_out), ("train", train)):
        if not isinstance(posteriors, Posteriors) or posteriors.latent_dim != held_out.latent_dim:
            raise ValueError(
                f"`{name}` must be a `Posteriors`, and both of one width. Received: {posteriors!r}"
            )


def log_prob_name(second_stage: typing.Any) -> str:
    """Returns `"log_prob"`, or `"log_prob_bound"` where a stage gives a lower bound of it."""
    is_bound = getattr(second_stage, "log_prob_is_bound", False)
    return "log_prob_bound" if is_bound else "log_prob"


def _of_stage(second_stage: typing.Any, posteriors: Posteriors, seed: int) -> float:
    conditioned = getattr(second_stage, "condition_dim", None) is not None
    rng, total = noise_generator(seed), 0.0
    for start in range(0, len(posteriors), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        mean, std = posteriors.mean[rows], posteriors.std[rows]
        z = (mean + std * rng.standard_normal(mean.shape)).astype("float32")
        condition = {}
        if conditioned and posteriors.condition is not None:
            condition = {"condition": posteriors.condition[rows]}
        total += second_stage.log_prob(z, **condition).sum(dtype="float64")
    return float(total / len(posteriors))
