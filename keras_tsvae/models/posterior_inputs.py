"""Posteriors as a user brings them to a second stage."""

import typing

import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.backend import gather
from keras_tsvae.latents.posteriors import Posteriors

PosteriorsLike: typing.TypeAlias = Posteriors | tuple[ArrayLike, ...] | ArrayLike


def as_posteriors(
    x: PosteriorsLike,
    y: ArrayLike | None,
    latent_dim: int,
    condition_dim: int | None,
    name: str = "x",
) -> Posteriors:
    """Returns `x`, or the pair `x` and `y`, as `Posteriors` of a second stage's widths."""
    if not isinstance(x, Posteriors):
        pair = x if y is None else (x, y)
        if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
            raise ValueError(
                f"`{name}` must be `Posteriors` or a pair of arrays (mean, std). "
                f"Received: type({name})={type(x).__name__}"
            )
        x = Posteriors(*pair)
    if x.latent_dim != latent_dim:
        raise ValueError(
            f"`{name}` must hold posteriors of width {latent_dim}. "
            f"Received: latent_dim={x.latent_dim}"
        )
    if condition_dim is not None and x.condition_dim != condition_dim:
        raise ValueError(
            f"`{name}` must hold posteriors with conditions of width {condition_dim}. "
            f"Received: condition_dim={x.condition_dim}"
        )
    return x


def of_all_processes(posteriors: Posteriors) -> Posteriors:
    """Returns the posteriors of all processes that train one model, in memory if there are more.

    So all of them fit, measure and choose the same.
    """
    gathered = [gather(array) for array in posteriors.arrays]
    alone = len(gathered[0]) == 1
    return posteriors if alone else Posteriors(*map(np.concatenate, gathered))
