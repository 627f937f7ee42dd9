"""Whether an edited picture changes in what is edited, and in nothing else."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.evaluation.flip_test import flip_figures, numbers_of
from keras_tsvae.evaluation.judged_conditions import judged_conditions, names_of
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.judging import as_judge, check_labels, verdicts
from keras_tsvae.metrics.protocols import check_images


def edit_test(
    model: keras.Model,
    images: ArrayLike,
    labels: ArrayLike,
    judge: ClassifierFeatures | JudgeFeatures,
    names: Sequence[str] | None = None,
    batch_size: int = 256,
) -> dict[str, dict[str, float]]:
    """Edits real pictures, one attribute or class at a time, beside their reconstructions.

    As `flip_test`, with `model.edit(images, ...)` in place of samples: `target` is the share of
    pictures in which the verdict on the flipped attribute is the asked one in the reconstruction
    and in the edited picture; `others`, the share of the verdicts on other attributes that change.
    `moved` is the mean squared difference of the edited picture from the reconstruction, to be
    compared with what the reconstruction misses of the picture, `error`.

    Args:
        model: A trained `keras_tsvae.ConditionalTwoStageVAE`.
        images: Array `(n, height, width, channels)`, uint8 or float in [0, 1].
        labels: What they show: class indices `(n,)`, or attributes `(n, attributes)` of +1 and -1,
            or of 1 and 0.
        judge: As in `flip_test`.
        names: As in `flip_test`. Defaults to None: all.
        batch_size: Images per step. Defaults to 256.

    Returns:
        A dict from names to dicts of `"target"`, `"others"`, `"moved"` and `"error"`, floats.

    Raises:
        ValueError: If an argument is not as described.

    Source:
        He et al. (2019), *AttGAN*, section 4: the accuracy of an edit, and how much else it keeps.
    """
    judge = as_judge(judge)
    known = names_of(judged_conditions(model, judge), judge)
    numbers_of(known if names is None else names, known)  # raises for one that there is not
    images, shown = check_images(images), check_labels(judge, "labels", labels, known)
    if len(images) != len(shown):
        raise ValueError(
            "`labels` must be as many as the images. "
            f"Received: {len(shown)} for {len(images)} images"
        )
    shown = shown if judge.has_classes else np.where(shown, 1, -1)
    unchanged = model.reconstruct(images, batch_size, condition=shown)
    moved = []

    def seen(changed):
        edited = model.edit(images, changed, condition=shown, batch_size=batch_size)
        moved.append(_mean_square(edited - unchanged))
        return verdicts(judge, judge(edited))

    figures = flip_figures(model, judge, shown, seen, names)
    real = images / np.float32(255) if images.dtype == "uint8" else images
    error = _mean_square(unchanged - real)
    for row, difference in zip(figures.values(), moved[1:]):  # the first is the reconstruction
        row |= {"moved": difference, "error": error}
    return figures


def _mean_square(difference):
    return float(np.mean(np.square(difference)))
