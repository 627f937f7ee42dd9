"""A run that goes on: with the settings it was begun with."""

import dataclasses
import typing

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.experiments.budget import parse_budget
from keras_tsvae.experiments.estimate import estimate
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.experiments.facts import facts_of
from keras_tsvae.experiments.plan import Plan, with_epochs
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.experiments.sources import preset_of, set_names
from keras_tsvae.files import expanded


def continued(
    run: RunFolder,
    source: PathLike,
    data_dir: PathLike | None = None,
    *,
    preset: str | None = None,
    conditions: str = "auto",
    budget: str | None = None,
    limit: int | None = None,
    data_options: dict[str, typing.Any] | None = None,
    fit_options: dict[str, typing.Any] | None = None,
    trial: bool = False,
    verbose: int = 1,
    **overrides: typing.Any,
) -> Plan:
    """Returns the `Plan` of a run that is there; what is not given stays as it was.

    Epochs, or a budget, may be other ones; anything else that is given must be as it was. The
    arguments are those of `plan`, but for the `run`, and `fit_options`, fields of `FitSettings`.

    Raises:
        ValueError: If something else is given than before; the message names it.
    """
    stored = run.experiment
    asked: dict[str, typing.Any] = {**(data_options or {}), **(fit_options or {})}
    asked |= {name: value for name, value in overrides.items() if "epochs" not in name}
    asked |= {"limit": limit, "conditions": None if conditions == "auto" else conditions}
    asked["preset"] = preset_of(source, preset)
    asked["source"] = _other_source(stored, source, data_dir)
    _check_same(run, stored, {name: value for name, value in asked.items() if value is not None})
    options = {"verbose": verbose} if stored.data.kind == "folder" else {}
    data = stored.data.load(**options)
    facts = {**run.config["data"], **facts_of(data)}
    facts = {key: value for key, value in facts.items() if not hasattr(stored.data, key)}
    model, measured = stored.model, None
    if budget is not None and (budget != stored.fit.budget or trial):
        seconds, epochs = parse_budget(budget)
        if epochs is not None:
            overrides["epochs"] = epochs
        elif seconds is not None:
            measured = estimate(stored, data.train, facts["num_train"], facts["num_test"])
            model = with_epochs(model, measured, seconds, overrides)
    elif trial:
        measured = estimate(stored, data.train, facts["num_train"], facts["num_test"])
    lengths = {key: value for key, value in overrides.items() if "epochs" in key}
    fit = dataclasses.replace(stored.fit, budget=budget or stored.fit.budget)
    experiment = dataclasses.replace(stored, model=dataclasses.replace(model, **lengths), fit=fit)
    return Plan(experiment, data, facts, measured)


def _other_source(
    stored: Experiment, source: PathLike, data_dir: PathLike | None
) -> PathLike | None:
    """Returns what pictures are asked for, None where they are those of the run."""
    data, name = stored.data, str(source)
    if name == stored.model.name or (name in set_names() and name == data.source):
        given = data_dir is None or str(expanded(data_dir).resolve()) == data.data_dir
        return None if given else data_dir
    path = str(expanded(source).resolve())
    return None if path in (data.source, data.data_dir) else name


def _check_same(run, stored, asked):
    """Raises a `ValueError` that names what is asked for and differs."""
    known = {
        **stored.data.options,
        **dataclasses.asdict(stored.fit),
        **stored.model.to_dict(),
        "conditions": stored.model.conditions or "none",
        "limit": stored.data.limit,
        "preset": "none" if stored.model.name == "own" else stored.model.name,
        "source": stored.data.data_dir or stored.data.source,
    }
    different = [
        f"{name} was {known.get(name)!r}, and is {value!r}"
        for name, value in asked.items()
        if value != known.get(name)
    ]
    if different:
        raise ValueError(
            "`output` must be the run of this experiment, or a new folder: `restart` begins anew. "
            f"Received: output={str(run.path)!r}, the run of another one: {'; '.join(different)}"
        )
