"""`keras-tsvae fid`: how far two sets of pictures are apart."""

import typing
from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

if typing.TYPE_CHECKING:
    from keras_tsvae.cli.sources import Source
    from keras_tsvae.metrics import FrechetInceptionDistance, Score

EXAMPLES = (
    "generated real",
    "runs/digits_fast digits --features judge",
    "model.keras cifar10.npz --samples 50000 --json",
    "samples.npz mnist --data-dir folder --features judge.keras --inception-score",
    "folder cifar10:train --features pt_inception-2015-12-05-6726825d.pth",
)
_COUNTS = ("num_samples", "num_reference")
_LABELS = {
    "fid": "FID",
    "kid": "KID",
    "precision": "precision",
    "recall": "recall",
    "inception_score": "Inception score",
}
_SIDE = "A folder, an .npz of images or of statistics, a data set's name, or a model."


def run(
    a: Annotated[str, typer.Argument(metavar="A", help=f"Generated pictures. {_SIDE}")],
    b: Annotated[str, typer.Argument(metavar="B", help="Real pictures. The same kinds.")],
    features: options.Features = "inception",
    protocol: options.Protocol = "standard",
    samples: Annotated[int, typer.Option(min=2, help="Pictures that a model draws.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of what a model draws.")] = 0,
    stage: options.Stage = "2",
    inception_score: Annotated[bool, typer.Option("--inception-score", help="Also, of A.")] = False,
    resize: options.Resize = None,
    skip_broken: options.SkipBroken = False,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> Answer:
    """Measure A against B: FID, KID, precision and recall.

    Pictures of a folder are resized where the other side, or a judge, asks for a shape.
    """
    from keras_tsvae.cli.pictures import naming_skip_broken
    from keras_tsvae.cli.progress import busy
    from keras_tsvae.cli.runs import resize_of
    from keras_tsvae.cli.sources import find_features, find_source, reference_of
    from keras_tsvae.metrics import FrechetInceptionDistance

    options.check_protocol(protocol)
    resize = resize_of(resize, a, b)
    sampling = {"seed": seed, "stage": options.stage_of(stage)}
    sides = find_source(a, "A", data_dir), find_source(b, "B", data_dir)
    extractor = find_features(features, a, b)
    shape = next(
        (s for s in (extractor.image_shape, *(side.image_shape for side in sides)) if s), None
    )
    generated, real = (side.sized(shape, resize, skip_broken) for side in sides)
    most = 10_000 if protocol == "dai-wipf" else None
    with naming_skip_broken(skip_broken):
        with busy("Measuring B"):
            reference = reference_of(real, extractor, sampling, samples if real.is_model else most)
        fid = FrechetInceptionDistance(reference, extractor, protocol)
        scores = measured(fid, generated, samples, sampling, inception_score)
    known = {
        "protocol": protocol,
        "resize": extractor.resize,
        "pictures": _pictures(sides, shape, resize),
        "features": extractor.identity,
        "num_samples": scores["fid"].num_samples,
        "num_reference": scores["fid"].num_reference,
    }
    figures = {name: float(score) for name, score in scores.items()}
    figures |= {f"{n}_std": score.std for n, score in scores.items() if score.std is not None}
    return Answer(_text(scores, known), {**figures, **known})


def _pictures(sides, shape, resize):
    """Returns what was done to the pictures of folders, or None without any."""
    if not any(side.is_folder for side in sides):
        return None
    return "as they are" if shape is None else f"{resize} to {shape[0]}x{shape[1]}"


def measured(
    fid: "FrechetInceptionDistance",
    generated: "Source",
    samples: int,
    sampling: dict[str, typing.Any],
    inception_score: bool = False,
) -> "dict[str, Score]":
    """Returns all figures of a source; KID, precision and recall where there are features.

    Args:
        fid: Its reference, features and protocol are those of all figures.
        generated: The source.
        samples: How many images a model draws.
        sampling: What a model's `sample_batches` takes besides.
        inception_score: Whether that is wanted. Defaults to False.
    """
    from keras_tsvae.metrics import (
        InceptionScore,
        KernelInceptionDistance,
        PrecisionRecall,
        ReferenceStatistics,
    )

    known = None
    if generated.statistics is not None:
        known = ReferenceStatistics.load(generated.statistics, fid.extractor)
    has_features = known is None or len(known.sample) > 0
    others: dict[str, typing.Any] = {}
    if has_features and len(fid.reference.sample):
        others["kid"] = KernelInceptionDistance(fid.reference, fid.extractor, fid.protocol)
        others["precision"] = PrecisionRecall(fid.reference, fid.extractor, fid.protocol)
    if inception_score and has_features:
        others["inception_score"] = InceptionScore(fid.extractor, fid.protocol)
    if known is None:
        for features in _features(fid, generated, samples, sampling):
            for metric in (fid, *others.values()):
                metric.update_features(features)
    else:
        fid.statistics = known.statistics
        for metric in others.values():
            metric.update_features(known.sample.features)
    scores = {name: metric.result() for name, metric in {"fid": fid, **others}.items()}
    if "precision" in scores:
        scores |= dict(zip(("precision", "recall"), scores["precision"]))
    return {name: scores[name] for name in _LABELS if name in scores}


def _features(fid, generated, samples, sampling):
    """Yields the features of a source's images, batch by batch."""
    from keras_tsvae.cli.progress import counted
    from keras_tsvae.metrics.sources import source_batches

    options = {"num_images": samples, **sampling} if generated.is_model else {}
    batches = source_batches(generated.images, name="A", **options)
    return map(fid.features_of, counted(batches, options.get("num_images"), "Measuring A"))


def _text(scores, known):
    lines = []
    for name, score in scores.items():
        spread = "" if score.std is None else f" ± {score.std:.2g}"
        lines.append(f"{_LABELS[name]:17}{float(score):.6g}{spread}")
    counts = ["unknown" if n is None else f"{n:,}" for n in map(known.get, _COUNTS)]
    lines.append(f"{counts[0]} images against {counts[1]}; {known['protocol']} protocol")
    pictures = "" if known["pictures"] is None else f", pictures of folders {known['pictures']}"
    lines.append(f"features {known['features']}, resize {known['resize']}{pictures}")
    return "\n".join(lines)
