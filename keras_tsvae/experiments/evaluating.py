"""How good a run's model is, in its evaluation.json."""

import dataclasses
import typing
from collections.abc import Callable, Mapping

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.evaluation.generation_report import GenerationReport
from keras_tsvae.evaluation.obedience import evaluate_obedience
from keras_tsvae.evaluation.obedience_report import ObedienceReport
from keras_tsvae.experiments.facts import label_kind
from keras_tsvae.experiments.report import write_report
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.files import expanded
from keras_tsvae.metrics import ClassifierFeatures, InceptionV3Features
from keras_tsvae.models import ConditionalTwoStageVAE, TwoStageVAE
from keras_tsvae.saving.load_model import load_model

_MOST_IMAGES = 60_000  # that a judge is trained on
_MOST_FLIPS = 200  # of each condition
_JUDGED = ("classes", "attributes")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The figures of a run.

    Args:
        generation: How near samples and reconstructions are to pictures of the test split.
        obedience: Whether samples show what they are asked for, or None of a model without
            conditions.
    """

    generation: GenerationReport
    obedience: ObedienceReport | None = None

    def __str__(self) -> str:
        """Returns the tables as text."""
        tables = (self.generation, self.obedience)
        return "\n".join(str(table) for table in tables if table is not None)

    def to_dict(self) -> dict[str, typing.Any]:
        """Returns `rows`, one for each set of images with its `name`, and `obedience`."""
        rows = [{"name": name, **row} for name, row in self.generation.to_dict().items()]
        obedience = None if self.obedience is None else self.obedience.to_dict()
        return {"rows": rows, "caption": self.generation.caption, "obedience": obedience}


def evaluate(
    output: PathLike,
    features: str | None = None,
    num_samples: int | None = None,
    protocol: str | None = None,
    seed: int | None = None,
    *,
    verbose: int = 1,
    model: TwoStageVAE | None = None,
    data: ImageData | None = None,
    others: Callable[[TwoStageVAE, ImageData], Mapping[str, TwoStageVAE]] | None = None,
) -> Evaluation:
    """Measures the model of a run and writes the figures to its `evaluation.json` and report.

    Reconstructions, samples of either stage and, if one is fitted, of the mixture, and training
    images are held against test images (see `TwoStageVAE.evaluate_generation`). Of a conditional
    model also whether samples show what they are asked to show (see `evaluate_obedience`), by a
    judge that is trained on the labels of the training images, and kept in the run.

    Args:
        output: Path of the folder of a run.
        features: As in `EvaluationSettings`, like those that follow. Defaults to None: that of the
            run's experiment.
        num_samples: Likewise.
        protocol: Likewise.
        seed: Likewise.
        verbose: 0 not to say what is being measured. Defaults to 1.
        model: The model, if it is at hand. Defaults to None: it is loaded.
        data: The pictures, likewise.
        others: Function of the model and its pictures to further models of the same first stage,
            by name, whose samples are measured as well. Defaults to None.

    Returns:
        An `Evaluation`; `print` shows it as a table.

    Raises:
        ValueError: If there is no trained model, the pictures are no longer there, or they have no
            labels to train a judge on.
    """
    run = RunFolder(output)
    experiment = run.experiment
    asked: dict[str, typing.Any] = {"features": features, "num_samples": num_samples}
    asked |= {"protocol": protocol, "seed": seed}
    given = {name: value for name, value in asked.items() if value is not None}
    settings = dataclasses.replace(experiment.evaluation, **given)
    model = _model(run) if model is None else model
    data = experiment.data.load() if data is None else data
    extractor, judge = _extractor(run, settings, data, verbose)
    common: dict[str, typing.Any] = {"protocol": settings.protocol, "seed": settings.seed}
    common |= {"num_samples": settings.num_samples}
    report = model.evaluate_generation(
        data.test, extractor, train=data.train, verbose=verbose, **common
    )
    for name, other in ({} if others is None else others(model, data)).items():
        rows = other.evaluate_generation(data.test, extractor, verbose=0, **common)
        report[name] = rows["stage2"]
    evaluation = Evaluation(report, _obedience(run, model, settings, data, judge, verbose))
    run.write_json("evaluation.json", {**_settings(settings, report), **evaluation.to_dict()})
    write_report(run.path)
    return evaluation


def features_of(name: str) -> typing.Any:
    """Returns what pictures are measured by.

    Args:
        name: `"inception"`, or the path of Inception's weights or of a judge.

    Raises:
        ValueError: If there is no such file, or it cannot be read.
    """
    if name == "inception":
        return InceptionV3Features()
    path = expanded(name)
    if path.suffix != ".keras":
        return InceptionV3Features(path)
    judge = load_model(path, compile=False)
    if not isinstance(judge, ClassifierFeatures):
        raise ValueError(
            "`features` must name Inception's weights or a judge, a ClassifierFeatures. "
            f"Received: {str(path)!r}, a {type(judge).__name__}"
        )
    return judge


def _model(run):
    if not run.model.is_file():
        raise ValueError(
            "`output` must be the folder of a run whose training has ended. "
            f"Received: {str(run.path)!r}, without {run.model.name}"
        )
    return load_model(run.model, compile=False)


def _extractor(run, settings, data, verbose):
    """Returns what takes features, and the judge that it is, or None."""
    if settings.features != "judge":
        return features_of(settings.features), None
    judge = _trained_judge(run, data, verbose)
    return judge, judge


def _obedience(run, model, settings, data, judge, verbose):
    """Returns whether a model obeys, None of one without conditions that a judge could know."""
    if not isinstance(model, ConditionalTwoStageVAE) or model.conditions.kind not in _JUDGED:
        return None
    if model.conditions.kind != label_kind(data):
        return None
    judge = _trained_judge(run, data, verbose) if judge is None else judge
    flips = min(settings.num_samples, _MOST_FLIPS)
    return evaluate_obedience(
        model,
        data.test,
        judge,
        num_samples=settings.num_samples,
        flips=flips,
        seed=settings.seed,
        verbose=verbose,
    )


def _trained_judge(run, data, verbose):
    """Returns the judge of a run, trained if there is none."""
    if run.judge.is_file():
        return features_of(str(run.judge))
    if label_kind(data) is None:
        raise ValueError(
            "`features` must not be 'judge' where all pictures are of one class: a judge learns to "
            "tell them apart. Received: features='judge'"
        )
    if verbose:
        print("Training the judge, a small classifier of real images")
    keras.utils.set_random_seed(0)
    images, labels = data.train.images[:_MOST_IMAGES], data.train.labels[:_MOST_IMAGES]
    judge = ClassifierFeatures.fit(images, labels, verbose=2 if verbose else 0)
    judge.save(run.judge)
    return judge


def _settings(settings, report):
    """Returns what all figures depend on."""
    counts = {row["fid"].num_reference for row in report.values() if "fid" in row}
    identity = {row["fid"].features for row in report.values() if "fid" in row}
    return {
        **dataclasses.asdict(settings),
        "identity": next(iter(identity), None),
        "num_reference": next(iter(counts), None),
        "backend": keras.backend.backend(),
    }
