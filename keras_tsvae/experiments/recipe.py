"""What is chosen for pictures that no published experiment is about."""

import math
import typing

from keras_tsvae.arrays.types import ImageShape
from keras_tsvae.presets import Preset

_WIDE = 48  # pixels from which on the networks are narrower, for the sake of time
_SMALL = 16  # pixels up to which an image is a small one
_FEW = 5000  # images
_ROUNDS = 20  # of the mixture


def recipe(
    dataset: str, image_shape: ImageShape, train_size: int, **overrides: typing.Any
) -> Preset:
    """Returns a preset for pictures of which shape and number are known.

    It is that of the fast trainings: sharp images soon, by an optimal gamma, whose latent vectors
    are then far from N(0, I), and a mixture of those; InfoGAN's network where sides are multiples
    of 4, a residual one elsewhere. Of few pictures, batches and latent vectors are smaller.

    Args:
        dataset: Name of the data set.
        image_shape: `(height, width, channels)`.
        train_size: How many there are to train on.
        **overrides: Fields of `keras_tsvae.presets.Preset` in place of those chosen.
    """
    shortest, longest = min(image_shape[:2]), max(image_shape[:2])
    divisible = all(side % 4 == 0 for side in image_shape[:2])
    network = "infogan" if divisible and shortest >= _SMALL else "resnet"
    network = overrides.get("network", network)
    batch_size = next(
        size for size, least in ((128, 10_000), (64, 1000), (32, 0)) if train_size >= least
    )
    chosen = {
        "network": network,
        "latent_dim": 16 if longest <= _SMALL else 64 if train_size >= 2000 else 32,
        "epochs": 1,
        "second_stage": "mixture",
        "gamma": "optimal",
        "batch_size": min(batch_size, train_size),
        "learning_rate": 2e-3 if batch_size >= 64 else 1e-3,
        "schedule": "cosine",
        "source": "chosen from the pictures",
    }
    if network == "resnet":
        chosen["num_scale"] = max(1, min(4, int(math.log2(shortest / 2)))) if shortest > 2 else 1
    if network != "resnet" and longest >= _WIDE:
        chosen["base_dim"] = 32
    if network == "infogan" and (longest >= _WIDE or train_size < _FEW):
        chosen["fc_dim"] = 256  # of 1024, nine in ten of all weights would be its
    chosen |= overrides
    rounds = _ROUNDS if chosen["second_stage"] == "mixture" else 2 * chosen["epochs"]
    return Preset(
        name="own",
        dataset=dataset,
        image_shape=image_shape,
        train_size=train_size,
        **{"second_stage_epochs": rounds, **chosen},
    )
