"""How well a model reconstructs and generates, in one table."""

import functools
import typing
import warnings
from collections.abc import Iterable

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.data import Split
from keras_tsvae.evaluation.generation_report import GenerationReport
from keras_tsvae.metrics.condition_accuracy import ConditionAccuracy
from keras_tsvae.metrics.extractors import FeaturesLike, JudgeFeatures
from keras_tsvae.metrics.frechet_inception_distance import FrechetInceptionDistance
from keras_tsvae.metrics.inception_score import InceptionScore
from keras_tsvae.metrics.judging import as_judge, fits
from keras_tsvae.metrics.kernel_inception_distance import KernelInceptionDistance
from keras_tsvae.metrics.precision_recall import PrecisionRecall
from keras_tsvae.metrics.score import Score
from keras_tsvae.metrics.sources import (
    batches_for,
    check_channels,
    first_or_random,
    is_array,
    require_rereadable,
    source_batches,
)

STAGES = {"stage1": 1, "stage2": 2, "mixture": "mixture"}


def evaluate_generation(
    model: keras.Model,
    test: ImagesLike,
    features: FeaturesLike | None,
    protocol: str,
    num_samples: int,
    train: ImagesLike | None = None,
    seed: int | None = 0,
    batch_size: int = 256,
    verbose: int = 1,
) -> GenerationReport:
    """Measures a model; see `TwoStageVAE.evaluate_generation`, which calls this."""
    model.require_built("evaluated")
    num_samples = positive_int("num_samples", num_samples)
    require_rereadable(test, "test")
    try:
        fid = FrechetInceptionDistance(test, features, protocol)
        for metric in (fid, *_others(fid)):
            metric.check_counts(num_samples)
            _check_train(train, metric)
    except ValueError as error:
        raise ValueError(str(error).replace("`reference`", "`test`")) from error
    fid.check_image_shape(model.image_shape)
    if fid.reference.image_shape is not None:
        check_channels(model, test, None, "test", fid.reference.image_shape[-1])
    conditions = _judged_conditions(model, fid.extractor)
    asked, condition = None, {}
    if conditions is not None:
        condition = {"condition": model.draw_conditions(num_samples, seed=seed)}
        asked = conditions.decode(condition["condition"])
    sources, labels = {}, {}
    if train is not None:
        sources["train"] = functools.partial(_some_images, train, num_samples)
        labels["train"] = _some_labels(train, num_samples, conditions)
    sources["reconstruction"] = functools.partial(_reconstructions, model, test, num_samples)
    labels["reconstruction"] = _some_labels(test, num_samples, conditions)
    for name, stage in STAGES.items():
        if stage != "mixture" or model.mixture is not None:
            options = {"stage": stage, "seed": seed, "batch_size": batch_size, **condition}
            sources[name] = functools.partial(model.sample_batches, num_samples, **options)
            labels[name] = asked
    rows = {}
    for name, batches in sources.items():
        if verbose:
            print(f"Measuring: {name}")
        rows[name] = measure_all(fid, batches(), labels[name])
    count = fid.reference.num_samples
    return GenerationReport(
        rows,
        f"{protocol} protocol, against {count:,} test images, features {fid.reference.identity}",
    )


def measure_all(
    fid: FrechetInceptionDistance,
    batches: Iterable[np.ndarray],
    labels: np.ndarray | None = None,
) -> dict[str, Score]:
    """Returns all figures of generated images, whose features are taken once.

    Args:
        fid: A `FrechetInceptionDistance`; its reference, features and protocol are everyone's.
        batches: Iterable of batches of images.
        labels: What each image was asked to show, or shows, as `ConditionAccuracy` takes it; only
            where the features are those of a judge. Defaults to None.

    Returns:
        A dict of `Score`s: fid, kid, precision, recall, if the features know classes is, and with
        `labels` obedience.
    """
    fid.reset()
    kid, precision_recall = _others(fid)
    scores = {"fid": fid, "kid": kid}
    if fid.extractor.has_classes:
        scores["is"] = InceptionScore(fid.extractor, fid.protocol)
    obedience = None if labels is None else ConditionAccuracy(as_judge(fid.extractor))
    for images in batches:
        features = fid.features_of(images)
        if labels is not None and obedience is not None:
            start = obedience.num_samples
            obedience.update_features(features, labels[start : start + len(features)])
        for metric in (*scores.values(), precision_recall):
            metric.update_features(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table shows the number of images
        results = {name: metric.result() for name, metric in scores.items()}
    results |= dict(zip(("precision", "recall"), precision_recall.result()))
    if obedience is not None:
        figures = obedience.result()
        results["obedience"] = Score(
            figures.overall,
            "obedience",
            fid.protocol,
            fid.extractor.features_identity,
            figures.num_samples,
        )
    return results


def _others(fid):
    """Returns the metrics of the same reference whose features are a sample."""
    kinds = (KernelInceptionDistance, PrecisionRecall)
    return [metric(fid.reference, protocol=fid.protocol) for metric in kinds]


def _check_train(train, metric):
    if is_array(train) and len(train) < metric.fewest:
        raise ValueError(
            f"`train` must hold at least {metric.fewest} images for {metric.label}. "
            f"Received: {len(train)}"
        )


def _judged_conditions(model, extractor):
    """Returns the conditions of a model if the features tell whether images obey them, or None."""
    conditions: typing.Any = getattr(model, "conditions", None)
    if getattr(conditions, "kind", None) not in ("attributes", "classes"):
        return None
    judged = isinstance(extractor, JudgeFeatures) and fits(conditions, extractor)
    return conditions if judged else None


def _some_images(images, num_images):
    return source_batches(*first_or_random(images, num_images))


def _some_labels(images, num_images, conditions):
    """Returns the labels of `_some_images`; None if there are none, or not of the conditions."""
    if conditions is None or not isinstance(images, Split):
        return None
    labels, _ = first_or_random(images.labels, num_images)
    shape = () if conditions.kind == "classes" else (conditions.size,)
    return labels if labels.shape[1:] == shape else None


def _reconstructions(model, images, num_images):
    return map(model.reconstruct, batches_for(model, *first_or_random(images, num_images)))
