"""What is chosen for an experiment, before it is trained."""

import dataclasses
import math
import tempfile
import typing
from collections.abc import Container

import numpy as np

from keras_tsvae import presets
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.split import Split
from keras_tsvae.experiments.budget import parse_budget
from keras_tsvae.experiments.data_settings import DataSettings
from keras_tsvae.experiments.estimate import Estimate, estimate
from keras_tsvae.experiments.evaluation_settings import EvaluationSettings
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.experiments.facts import FolderFacts, check_enough, facts_of, listed_in_celeba
from keras_tsvae.experiments.fit_settings import FitSettings
from keras_tsvae.experiments.recipe import recipe
from keras_tsvae.experiments.sources import preset_of, settings_of
from keras_tsvae.files import expanded

BUDGET = "10m"
CONDITIONS = ("auto", "none", "classes", "attributes")
_TRIAL_IMAGES = 1024  # that a plan without a training reads


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done.

    Args:
        experiment: An `Experiment`, all of it chosen.
        data: Its pictures; of a trial the first ones.
        facts: What is known of them, as a run's `config.json` tells it.
        estimate: An `Estimate`, or None where nothing was measured.
    """

    experiment: Experiment
    data: ImageData
    facts: dict[str, typing.Any]
    estimate: Estimate | None


def choose(
    source: PathLike,
    data_dir: PathLike | None = None,
    *,
    preset: str | None = None,
    conditions: str = "auto",
    budget: str | None = None,
    limit: int | None = None,
    data_options: dict[str, typing.Any] | None = None,
    fit: FitSettings = FitSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
    verbose: int = 1,
    **overrides: typing.Any,
) -> Experiment:
    """Returns an experiment about pictures; what is not given is chosen from them.

    Args:
        source: Name of a data set of `keras_tsvae.data`, with its recommended settings; of a
            preset; or the path of a folder of pictures or of an `.npz` (see `load_arrays`).
            Subfolders of pictures are classes, and an `attributes.csv` in the folder, or one of
            CelebA's lists, has their attributes.
        data_dir: Folder of a data set's files. Defaults to None.
        preset: Name of a preset whose settings are used for these pictures. Defaults to None.
        conditions: `"classes"` or `"attributes"` for a model that draws what it is asked for,
            `"none"` for one that does not, `"auto"` for what the pictures come with; a preset has
            its own. Defaults to `"auto"`.
        budget: How long to train, such as `"10m"`, `"2h"` or `"30 epochs"`: as many epochs as fit
            into it, as is measured on a few batches. Defaults to None: `epochs` if they are given,
            or a preset's, or `"10m"`.
        limit: Positive int: no more pictures of each part. Defaults to None: all.
        data_options: What `keras_tsvae.data.load` of these pictures takes besides. Defaults to
            None.
        fit: `FitSettings`, whose budget is the one above.
        evaluation: `EvaluationSettings`.
        verbose: 0 not to say what becomes of the pictures. Defaults to 1.
        **overrides: Fields of `keras_tsvae.presets.Preset` in place of those chosen.

    Raises:
        ValueError: If the pictures are not there or cannot be read, or a setting does not fit.

    Example:
        >>> from keras_tsvae import experiments
        >>> experiment = experiments.choose("folder/of/pictures", budget="30m")
        >>> model = experiments.train(experiment, "runs/mine")
        >>> print(experiments.evaluate("runs/mine"))
    """
    return plan(
        source,
        data_dir,
        preset=preset,
        conditions=conditions,
        budget=budget,
        limit=limit,
        data_options=data_options,
        fit=fit,
        evaluation=evaluation,
        verbose=verbose,
        **overrides,
    ).experiment


def plan(
    source: PathLike,
    data_dir: PathLike | None = None,
    *,
    preset: str | None = None,
    conditions: str = "auto",
    budget: str | None = None,
    limit: int | None = None,
    data_options: dict[str, typing.Any] | None = None,
    fit: FitSettings = FitSettings(),
    evaluation: EvaluationSettings = EvaluationSettings(),
    verbose: int = 1,
    trial: bool = False,
    **overrides: typing.Any,
) -> Plan:
    """Returns what `choose` does, with what it has found out.

    Of a `trial` only a few pictures are read, nothing is kept of them, and times are measured
    whatever the budget.
    """
    if conditions not in CONDITIONS:
        raise ValueError(f"`conditions` must be one of {CONDITIONS}. Received: {conditions!r}")
    seconds, epochs = (None, None) if budget is None else parse_budget(budget)
    if budget is not None and "epochs" in overrides:
        raise ValueError("`budget` must be left out where `epochs` are given. Received: both")
    name = preset_of(source, preset)
    published = None if name is None else presets.get(name)
    with_table = conditions in ("auto", "attributes")
    settings, seen = settings_of(
        source, data_dir, limit, published, with_table, **(data_options or {})
    )
    data, facts = _read(settings, seen, trial, verbose)
    if epochs is not None:
        overrides["epochs"] = epochs
    timed = seconds is not None or (published is None and "epochs" not in overrides)
    overrides |= _conditions(conditions, published, facts)
    model = _preset(settings, published, facts, overrides)
    check_enough(facts["num_train"], facts["num_test"], model.batch_size)
    fit = dataclasses.replace(fit, budget=budget or (BUDGET if timed else None))
    experiment = Experiment(settings, model, fit, evaluation)
    measured = None
    if timed or trial:
        measured = estimate(experiment, data.train, facts["num_train"], facts["num_test"])
    if timed and measured is not None:
        time = typing.cast(float, seconds or parse_budget(BUDGET)[0])
        model = with_epochs(experiment.model, measured, time, overrides)
        experiment = dataclasses.replace(experiment, model=model)
    return Plan(experiment, data, facts, measured)


def _read(
    settings: DataSettings, seen: FolderFacts | None, trial: bool, verbose: int
) -> tuple[ImageData, dict[str, typing.Any]]:
    """Returns pictures, and what is known of them; of a trial, a few, and nothing is kept."""
    decoded = settings.kind == "folder" or settings.source == "celeba"
    said = {"verbose": verbose} if decoded else {}
    if not (trial and decoded):
        data = settings.load(**said)
        facts = facts_of(data)
    else:
        few = min(_TRIAL_IMAGES, settings.limit or _TRIAL_IMAGES)
        with tempfile.TemporaryDirectory() as folder:
            data = settings.load(limit=few, cache_dir=folder, verbose=0)
            facts = {**facts_of(data), **_counts(settings, seen)}
            data = _in_memory(data)
    if seen is not None:
        facts |= {"num_pictures": seen.count, "left_out": seen.others}
    return data, facts


def _in_memory(data):
    copies = {
        part: dataclasses.replace(split, images=np.array(split.images))
        for part, split in vars(data).items()
        if isinstance(split, Split)
    }
    return dataclasses.replace(data, **copies)


def _counts(settings, seen):
    """Returns how many pictures there are in all, of those that only few were read of."""
    if seen is None:
        count, test = listed_in_celeba(expanded(settings.data_dir)), None
    else:
        shares = (settings.options[f"{part}_fraction"] for part in ("validation", "test"))
        validation, test = (math.floor(seen.count * share + 1e-9) for share in shares)
        count = seen.count - validation - test
    known = {"num_train": count, "num_test": test}
    most = settings.limit
    return {k: n if most is None else min(n, most) for k, n in known.items() if n is not None}


def _conditions(conditions, published, facts):
    """Returns the fields of a preset that say what the model is told of its pictures."""
    if conditions == "auto" and published is not None:
        names = facts["label_names"] or ()
        if published.conditions == facts["labels"] and published.condition_dim != len(names):
            return {"condition_names": tuple(names), "condition_dim": len(names)}
        return {}
    kind = facts["labels"] if conditions == "auto" else conditions
    if kind in (None, "none"):
        return {"conditions": None, "condition_dim": None, "condition_names": None}
    if kind != facts["labels"]:
        have = f"have {facts['labels']}" if facts["labels"] else "come without labels"
        raise ValueError(
            f"`conditions` must be what the pictures come with. Received: {kind!r}; they {have}"
        )
    names = tuple(facts["label_names"])
    return {"conditions": kind, "condition_dim": len(names), "condition_names": names}


def _preset(settings, published, facts, overrides):
    """Returns the preset of a published experiment, for these pictures, or one's own."""
    shape, size = tuple(facts["image_shape"]), facts["num_train"]
    if published is None:
        dataset = settings.source if settings.kind == "set" else settings.kind
        return recipe(dataset, shape, size, **overrides)
    own = {"image_shape": shape, "train_size": size}
    return presets.get(published.name, **{**own, **overrides})


def with_epochs(
    preset: presets.Preset, measured: Estimate, seconds: float, given: Container[str]
) -> presets.Preset:
    """Returns a preset with as many epochs as fit into a time.

    Args:
        preset: The preset.
        measured: An `Estimate` of it.
        seconds: The time.
        given: What has been given; `"second_stage_epochs"` stay as they are then.
    """
    if preset.second_stage == "mixture" or "second_stage_epochs" in given:
        epochs = measured.epochs_within(seconds, preset.second_stage_epochs)
        return dataclasses.replace(preset, epochs=epochs)
    epochs = measured.epochs_within(seconds)
    return dataclasses.replace(preset, epochs=epochs, second_stage_epochs=2 * epochs)
