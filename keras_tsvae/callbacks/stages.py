"""What every callback of this package asks of the model that it watches."""

import keras
import numpy as np

from keras_tsvae import inputs
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.models import FirstStageVAE, SecondStage


def check_watchable(model: keras.Model) -> None:
    """Raises a `ValueError` unless `model` is both stages, or one that is without conditions."""
    by_hand = isinstance(model, (FirstStageVAE, SecondStage))
    if by_hand and model.condition_dim is not None:
        raise ValueError(
            "`model` must be a ConditionalTwoStageVAE where a stage is conditioned: the stage "
            f"alone does not know any conditions. Received: type(model)={type(model).__name__}"
        )
    if not by_hand and not hasattr(model, "stages"):
        raise ValueError(
            "`model` must be a FirstStageVAE, a second stage or a TwoStageVAE. "
            f"Received: type(model)={type(model).__name__}"
        )


def stage_in_training(model: keras.Model) -> str:
    """Returns which stage a fit is training.

    Args:
        model: The `model` of a callback: a stage that is fitted by hand, or the `TwoStageVAE`
            that is fitted.

    Returns:
        `"stage1"` or `"stage2"`.

    Raises:
        ValueError: If it is another model, or one that is not being fitted.
    """
    check_watchable(model)
    if isinstance(model, FirstStageVAE):
        return "stage1"
    if isinstance(model, SecondStage):
        return "stage2"
    if model.stage_in_training is None:
        raise ValueError(
            "`model` must be fitted. "
            f"Received: a {type(model).__name__}, of which no stage is in training"
        )
    return model.stage_in_training


def first_stage_of(model: keras.Model) -> FirstStageVAE | None:
    """Returns the `FirstStageVAE` that a callback's `model` is or has; None for a second stage."""
    return model if isinstance(model, FirstStageVAE) else getattr(model, "first_stage", None)


def first_images(name: str, x: ImagesLike, n: int) -> np.ndarray:
    """Returns the first `n` images of `x`, or all of fewer, as one array.

    Args:
        name: What `x` is called in error messages.
        x: Images in the forms that `FirstStageVAE.fit` takes; of data sets no more is read.
        n: Positive int.

    Raises:
        ValueError: If `x` does not hold such images.
    """
    x = x[:n] if hasattr(x, "__array__") else x  # no need to check the rest
    batches, count = [], 0
    for batch in inputs.image_batches(x, n, name=name, endless=True):
        batches.append(batch[: n - count])
        count += len(batches[-1])
        if count == n:
            break
    return np.concatenate(batches)
