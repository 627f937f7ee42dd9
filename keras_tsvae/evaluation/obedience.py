"""How well a model obeys its conditions, one by one, in one table."""

import math
import typing

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.evaluation.flip_test import flip_test
from keras_tsvae.evaluation.judged_conditions import judged_conditions, labels_of, names_of
from keras_tsvae.evaluation.obedience_report import ObedienceReport, visible_names
from keras_tsvae.inputs.labelled import labelled_arrays
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.condition_accuracy import ConditionAccuracy
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.judging import as_judge, check_labels
from keras_tsvae.metrics.protocols import check_images
from keras_tsvae.metrics.sources import first_or_random, source_batches


def evaluate_obedience(
    model: keras.Model,
    test: ImagesLike,
    judge: ClassifierFeatures | JudgeFeatures,
    num_samples: int = 2000,
    flips: int = 200,
    seed: int = 0,
    strength: float = 1.0,
    stage: int | str = 2,
    batch_size: int = 256,
    verbose: int = 1,
) -> ObedienceReport:
    """Measures whether samples show what they are asked to show, as a judge sees it.

    Beside the samples stand what bounds them: real pictures, their reconstructions, and samples
    with their conditions shuffled; and what changes in a picture when a condition is flipped.

    Args:
        model: A trained `keras_tsvae.ConditionalTwoStageVAE`.
        test: Real pictures with labels, in the forms that `ConditionalTwoStageVAE.fit` takes;
            labels as the judge knows them: class indices, or attributes of +1 and -1 or 1 and 0.
        judge: A trained `keras_tsvae.metrics.ClassifierFeatures` that knows the attributes or
            classes which are the model's conditions, in their order. Conditions of kind
            `"number"` are rounded to class indices; those of kind `"vector"` cannot be judged.
        num_samples: Positive int: how many pictures are drawn, and how many test pictures are
            reconstructed at the most. Defaults to 2000.
        flips: Positive int: how many pictures are drawn anew with each visible attribute flipped,
            or of each visible class. Defaults to 200.
        seed: Non-negative int, of conditions and noise. Defaults to 0.
        strength: As in `model.sample`. Defaults to 1.0.
        stage: Which stage draws, as in `model.sample`. Defaults to 2.
        batch_size: Images drawn per step. Defaults to 256.
        verbose: 0 not to say what is being measured. Defaults to 1.

    Returns:
        A `keras_tsvae.metrics.ObedienceReport`.

    Raises:
        ValueError: If an argument is not as described, or the model is not built.

    Example:
        >>> report = evaluate_obedience(model, data.test, judge)
        >>> print(report)
        >>> report["Smiling"]["samples"], report.mean["samples"]
    """
    judge = as_judge(judge)
    conditions = judged_conditions(model, judge)
    num_samples, flips = positive_int("num_samples", num_samples), positive_int("flips", flips)
    seed = non_negative_int("seed", seed)
    names = names_of(conditions, judge)
    images, labels = _images_and_labels(test, judge, names)
    kept, _ = first_or_random(np.arange(len(images)), num_samples)
    sampling: dict[str, typing.Any] = {
        "seed": seed,
        "strength": strength,
        "stage": stage,
        "batch_size": batch_size,
    }

    def judged(what, batches, *labels):
        if verbose:
            print(f"Measuring: {what}")
        return _judged(batches, [ConditionAccuracy(judge, names) for _ in labels], labels)

    codes = model.draw_conditions(num_samples, seed=seed)
    drawn = model.sample_batches(num_samples, condition=codes, **sampling)  # checked before all
    (ceiling,) = judged("real pictures", source_batches(images), labels)
    reconstructed = (model.reconstruct(batch) for batch in source_batches(images[kept]))
    (reconstruction,) = judged("reconstruction", reconstructed, labels[kept])
    asked = labels_of(conditions, codes)
    shuffled = np.random.default_rng(seed).permutation(asked)
    samples, floor = judged("samples", drawn, asked, shuffled)
    if verbose:
        print("Measuring: flips")
    flipped = flip_test(model, judge, flips, visible_names(ceiling), **sampling)

    figures = {"ceiling": ceiling, "reconstruction": reconstruction}
    figures |= {"samples": samples, "floor": floor}
    for key in ("target", "others"):
        known = {name: row[key] for name, row in flipped.items()}
        figures[f"flip_{key}"] = {name: known.get(name, math.nan) for name in names}
    rows = {name: {key: values[name] for key, values in figures.items()} for name in names}
    measure = "recall" if judge.has_classes else "balanced accuracy"
    return ObedienceReport(
        rows,
        f"{measure}, {num_samples:,} samples of stage {stage} at strength {strength:g}, "
        f"{len(images):,} real pictures, {len(kept):,} reconstructed, {flips:,} flips each",
    )


def _images_and_labels(test, judge, names):
    """Returns both as arrays, or raises."""
    images, labels = labelled_arrays(test, "test")
    images, labels = check_images(images, "test"), check_labels(judge, "test", labels, names)
    shape = judge.model.image_shape
    if images.shape[1:] != shape or len(labels) != len(images):
        raise ValueError(
            f"`test` must hold images of the model's shape {shape} and as many labels. "
            f"Received: images.shape={images.shape}, labels.shape={labels.shape}"
        )
    return images, labels


def _judged(batches, accuracies, labels):
    """Returns the figures of each attribute or class, once for each of several sets of labels."""
    start = 0
    for images in batches:
        features = accuracies[0].judge(check_images(images))
        rows = slice(start, start + len(images))
        for accuracy, given in zip(accuracies, labels):
            accuracy.update_features(features, given[rows])
        start = rows.stop
    return [accuracy.result().each for accuracy in accuracies]
