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
from keras_tsvae.evaluation.held_out_log_prob import held_out_log_prob
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.metrics.condition_accuracy import ConditionAccuracy
from keras_tsvae.metrics.extractors import FeaturesLike, JudgeFeatures
from keras_tsvae.metrics.frechet_inception_distance import FrechetInceptionDistance
from keras_tsvae.metrics.inception_score import InceptionScore
from keras_tsvae.metrics.judging import as_judge, fits
from keras_tsvae.metrics.kernel_inception_distance import KernelInceptionDistance
from keras_tsvae.metrics.precision_recall import PrecisionRecall
from keras_tsvae.metrics.protocols import with_channels
from keras_tsvae.metrics.replay import Replay
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
TRAINING_IMAGES = 60_000  # that are read at the most


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
    sources, labels, replay, training = {}, {}, None, None
    if train is not None:
        _say("all training images", verbose)
        real, training = _training(model, fid, train)
        replay = Replay(real, fid.reference.sample.features)
        sources["train"] = lambda: [first_or_random(real, num_samples)[0]]
        known = _some_labels(train, TRAINING_IMAGES, conditions)
        labels["train"] = None if known is None else first_or_random(known, num_samples)[0]
    images = {"reconstruction": functools.partial(_reconstructions, model, test, num_samples)}
    labels["reconstruction"] = _some_labels(test, num_samples, conditions)
    for name, stage in STAGES.items():
        if stage != "mixture" or model.mixture is not None:
            options = {"stage": stage, "seed": seed, "batch_size": batch_size, **condition}
            images[name] = functools.partial(model.sample_batches, num_samples, **options)
            labels[name] = asked
    sources |= {name: functools.partial(_features, fid, source) for name, source in images.items()}
    rows = {}
    for name, batches in sources.items():
        _say(name, verbose)
        rows[name] = measure_all(fid, batches(), labels[name], replay)
    _say("log p(z)", verbose)
    kept = batches_for(model, *first_or_random(test, num_samples))
    held_out = _posteriors(model, kept, _codes(model, test, num_samples))
    add_log_prob(rows, model, held_out, training, protocol)
    return GenerationReport(rows, _caption(model, fid, rows, replay, held_out, training))


def measure_all(
    fid: FrechetInceptionDistance,
    batches: Iterable[np.ndarray],
    labels: np.ndarray | None = None,
    replay: Replay | None = None,
) -> dict[str, Score]:
    """Returns all figures of generated images, of their features.

    Args:
        fid: A `FrechetInceptionDistance`; its reference, features and protocol are everyone's.
        batches: Iterable of batches of features of images.
        labels: What each image was asked to show, or shows, as `ConditionAccuracy` takes it; only
            where the features are those of a judge. Defaults to None.
        replay: A `Replay` of features of training images. Defaults to None.

    Returns:
        A dict of `Score`s: fid, kid, precision, recall, if the features know classes is, with
        `labels` obedience, and with `replay` that.
    """
    fid.reset()
    kid, precision_recall = _others(fid)
    scores = {"fid": fid, "kid": kid}
    if fid.extractor.has_classes:
        scores["is"] = InceptionScore(fid.extractor, fid.protocol)
    obedience = None if labels is None else ConditionAccuracy(as_judge(fid.extractor))
    for features in batches:
        if labels is not None and obedience is not None:
            start = obedience.num_samples
            obedience.update_features(features, labels[start : start + len(features)])
        for metric in (*scores.values(), precision_recall):
            metric.update_features(features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table shows the number of images
        results = {name: metric.result() for name, metric in scores.items()}
    results |= dict(zip(("precision", "recall"), precision_recall.result()))
    of = (fid.protocol, fid.extractor.features_identity)
    if obedience is not None:
        figures = obedience.result()
        results["obedience"] = Score(figures.overall, "obedience", *of, figures.num_samples)
    if replay is not None:
        share = replay.share(precision_recall.sample.features)
        counts = (results["fid"].num_samples, replay.num_train)
        results["replay"] = Score(share, "replay", *of, *counts)
    return results


def add_log_prob(
    rows: dict[str, dict[str, Score]],
    model: keras.Model,
    held_out: Posteriors,
    training: Posteriors | None,
    protocol: str,
) -> None:
    """Adds to rows what log p(z) of held-out posteriors is, and a row `"gaussian"` of that alone.

    Args:
        rows: Figures by the names of stages; that of N(0, I) goes to `"stage1"`.
        model: Both stages.
        held_out: `Posteriors` of test images.
        training: Those of training images, or None.
        protocol: Name of the protocol of the other figures.
    """
    figures = held_out_log_prob(model.second_stage, held_out, training)
    places = {"log_prob_normal": "stage1", "log_prob_gaussian": "gaussian"}
    found = {(places.get(name, "stage2"), name): value for name, value in figures.items()}
    if "mixture" in rows:
        figures = held_out_log_prob(model.mixture, held_out)
        found["mixture", "log_prob"] = figures["log_prob"]
    for (row, name), value in found.items():
        key = "log_prob_bound" if name == "log_prob_bound" else "log_prob"
        score = Score(value, "log p(z)", protocol, "the latent vectors", len(held_out))
        rows.setdefault(row, {})[key] = score


def _say(name, verbose):
    if verbose:
        print(f"Measuring: {name}")


def _caption(model, fid, rows, replay, held_out, training):
    """Returns what all figures of a report have in common, and what they are held against."""
    count, identity = fid.reference.num_samples, fid.reference.identity
    fitted = "them" if training is None else f"{len(training):,} training images"
    lines = [
        f"{fid.protocol} protocol, against {count:,} test images, features {identity}",
        f"log p(z): nats, of {len(held_out):,} test images; single Gaussian fitted to {fitted}",
    ]
    choice = getattr(model.second_stage, "choice", None)
    if choice is not None:
        lines.append(f"stage 2: {choice}")
    if not {"log_prob", "log_prob_bound"} & {*rows["stage2"]}:
        lines.append("stage 2 has no log p(z): it defines no `log_prob_batch`")
    if replay is not None:
        lines.append(
            f"replay: the share as near to one of {replay.num_train:,} training images as only "
            f"{replay.fair:.2g} of the test images are"
        )
    return "\n".join(lines)


def _training(model, fid, train):
    """Returns features of training images and their `Posteriors`, read once."""
    features = []

    def batches():
        for images in source_batches(*first_or_random(train, TRAINING_IMAGES), name="train"):
            features.append(fid.features_of(images))
            yield with_channels(images, model.image_shape[-1], "train")

    posteriors = _posteriors(model, batches(), _codes(model, train, TRAINING_IMAGES))
    return np.concatenate(features), posteriors


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


def _posteriors(model, batches, codes):
    """Returns the posteriors of batches of images; without coded conditions, of inferred ones."""

    def encoded():
        start = 0
        for images in batches:
            rows = slice(start, start + len(images))
            given = {} if codes is None else {"condition": codes[rows]}
            yield model.posteriors(images, **given).arrays
            start = rows.stop

    return Posteriors.from_batches(encoded())


def _codes(model, images, num_images):
    """Returns the coded labels of `_some_labels` if they are conditions of the model, or None."""
    if model.condition_dim is None:
        return None
    labels = _some_labels(images, num_images, model.conditions)
    try:
        return None if labels is None else model.conditions.encode(labels)
    except ValueError:
        return None


def _features(fid, batches):
    return map(fid.features_of, batches())


def _some_labels(images, num_images, conditions):
    """Returns the labels of `_some_images`; None if there are none, or not of the conditions."""
    if conditions is None or not isinstance(images, Split):
        return None
    labels, _ = first_or_random(images.labels, num_images)
    shape = () if conditions.kind == "classes" else (conditions.size,)
    return labels if labels.shape[1:] == shape else None


def _reconstructions(model, images, num_images):
    return map(model.reconstruct, batches_for(model, *first_or_random(images, num_images)))
