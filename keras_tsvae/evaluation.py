"""How well a model reconstructs and generates, in one table."""

import functools
import warnings

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.metrics import (
    FrechetInceptionDistance,
    GenerationReport,
    InceptionScore,
    KernelInceptionDistance,
    PrecisionRecall,
)
from keras_tsvae.metrics.sources import first_or_random, image_batches, require_rereadable

STAGES = {"stage1": 1, "stage2": 2, "mixture": "mixture"}


def evaluate_generation(
    model, test, features, protocol, num_samples, train=None, seed=0, batch_size=256, verbose=1
):
    """Measures a model; see `TwoStageVAE.evaluate_generation`, which calls this."""
    model.require_built("evaluated")
    num_samples = positive_int("num_samples", num_samples)
    require_rereadable(test, "test")
    fid = FrechetInceptionDistance(test, features, protocol)
    fid.reference.check_shape(np.empty((0, *model.image_shape)), "the model's images")
    sources = {}
    if train is not None:
        sources["train"] = functools.partial(_some_images, train, num_samples)
    sources["reconstruction"] = functools.partial(_reconstructions, model, test, num_samples)
    for name, stage in STAGES.items():
        if stage != "mixture" or model.mixture is not None:
            arguments = (num_samples, stage, seed, batch_size)
            sources[name] = functools.partial(model.sample_batches, *arguments)
    rows = {}
    for name, batches in sources.items():
        if verbose:
            print(f"Measuring: {name}")
        rows[name] = measure_all(fid, batches())
    count = fid.reference.num_samples
    return GenerationReport(
        rows,
        f"{protocol} protocol, against {count:,} test images, features {fid.reference.identity}",
    )


def measure_all(fid, batches):
    """Returns all figures of generated images, whose features are taken once.

    Args:
        fid: A `FrechetInceptionDistance`; its reference, features and protocol are everyone's.
        batches: Iterable of batches of images.

    Returns:
        A dict of `Score`s: fid, kid, precision, recall and, if the features know classes, is.
    """
    fid.reset()
    kid, precision_recall = (
        metric(fid.reference, protocol=fid.protocol)
        for metric in (KernelInceptionDistance, PrecisionRecall)
    )
    scores = {"fid": fid, "kid": kid}
    if fid.extractor.has_classes:
        scores["is"] = InceptionScore(fid.extractor, fid.protocol)
    for images in batches:
        features = fid.features_of(images)
        for metric in (*scores.values(), precision_recall):
            metric.update_features(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table shows the number of images
        results = {name: metric.result() for name, metric in scores.items()}
    return {**results, **dict(zip(("precision", "recall"), precision_recall.result()))}


def _some_images(images, num_images):
    return image_batches(*first_or_random(images, num_images))


def _reconstructions(model, images, num_images):
    return (model.reconstruct(batch) for batch in _some_images(images, num_images))
