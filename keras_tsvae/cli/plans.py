"""What `keras-tsvae train` is about to do: checked, chosen, and said."""

import dataclasses
import pathlib
import typing

import keras
import numpy as np
import typer
from rich.console import Console

from keras_tsvae import presets
from keras_tsvae.cli.conditions import usage_errors
from keras_tsvae.cli.paths import existing
from keras_tsvae.cli.pictures import check_resize, naming_skip_broken
from keras_tsvae.cli.progress import busy
from keras_tsvae.experiments import FitSettings, RunFolder
from keras_tsvae.experiments.budget import parse_budget
from keras_tsvae.experiments.continuing import continued
from keras_tsvae.experiments.plan import CONDITIONS, Plan, plan
from keras_tsvae.experiments.script import parse_gamma
from keras_tsvae.experiments.sources import set_names
from keras_tsvae.files import writable_folder

_MOST_NAMES = 10  # of classes or attributes that are said
_LINES = ("pictures", "left out", "labels", "split", "model", "training", "time", "memory", "cache")
_LINES += ("output",)


def checked(data: str, wanted: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Returns the arguments of `plan`; raises usage errors of what nobody can mean.

    Args:
        data: DATA, as it was typed.
        wanted: The arguments, as they were typed.
    """
    if data not in (*set_names(), *presets.names()):
        existing(data, "DATA")
    if wanted["conditions"] not in CONDITIONS:
        message = f"{wanted['conditions']!r} is not {', '.join(CONDITIONS)}"
        raise typer.BadParameter(message, param_hint="'--conditions'")
    check_resize(wanted["data_options"].get("resize", "crop"))
    if wanted["budget"] is not None:
        with usage_errors("'--budget'"):
            parse_budget(wanted["budget"])
        if "epochs" in wanted:
            raise typer.BadParameter("there are --epochs as well", param_hint="'--budget'")
    if wanted["data_options"].get("channels", 1) == 2:
        raise typer.BadParameter("2 is not 1 or 3", param_hint="'--channels'")
    if not 0 < wanted["data_options"].get("test_fraction", 0.1) < 1:
        raise typer.BadParameter("it must be between 0 and 1", param_hint="'--test-fraction'")
    if wanted["preset"] not in (None, *presets.names()):
        message = f"{wanted['preset']!r} is none of {', '.join(presets.names())}"
        raise typer.BadParameter(message, param_hint="'--preset'")
    return _checked_fields(wanted)


def _checked_fields(wanted):
    """Returns the arguments with fields of a preset as it takes them."""
    names = {field.name for field in dataclasses.fields(presets.Preset)}
    fields = {name: wanted[name] for name in (names & {*wanted}) - {"conditions"}}
    if "gamma" in fields:
        with usage_errors("'--gamma'"):
            fields["gamma"] = parse_gamma(fields["gamma"])
    if "learning_rate" in fields:
        fields["schedule"] = "cosine"
    for name, value in fields.items():
        with usage_errors(f"'--{name.replace('_', '-')}'"):
            presets.get("digits", **{name: value})
    with usage_errors("'--dtype-policy'"):
        keras.dtype_policies.get(wanted["fit_options"].get("dtype_policy", "float32"))
    return {**wanted, **fields}


def check_writable(path: pathlib.Path) -> None:
    """Raises a `ValueError` unless a folder can be made, or is there and can be written to."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    writable_folder("--output", there)


def made(
    folder: RunFolder,
    data: str,
    data_dir: str | None,
    wanted: dict[str, typing.Any],
    trial: bool,
    restart: bool,
) -> Plan:
    """Returns the plan of a new run, or of one that goes on."""
    given = wanted["data_options"].get("skip_broken", False)
    with busy("Looking at the pictures"), naming_skip_broken(given):
        if (folder.path / "config.json").is_file() and not restart:
            return continued(folder, data, data_dir, trial=trial, verbose=0, **wanted)
        wanted = dict(wanted)
        fit = FitSettings(**wanted.pop("fit_options"))
        return plan(data, data_dir, fit=fit, trial=trial, verbose=0, **wanted)


def described(made_plan: Plan, folder: RunFolder, restart: bool) -> dict[str, typing.Any]:
    """Returns what is to be done, of what JSON can hold."""
    experiment, measured = made_plan.experiment, made_plan.estimate
    preset = experiment.model
    known = {
        "output": str(folder.path),
        "goes_on": folder.is_run and not restart,
        "data": {**experiment.to_dict()["data"], **made_plan.facts},
        "model": preset.to_dict(),
        "fit": dataclasses.asdict(experiment.fit),
        "cache": _cache(made_plan.data),
        "estimate": None,
    }
    if measured is not None:
        seconds = measured.seconds(preset.epochs, preset.second_stage_epochs)
        known["estimate"] = {**dataclasses.asdict(measured), "seconds": seconds}
    return known


def _cache(data):
    """Returns where decoded pictures are kept, and how large that is; None of pictures in memory.

    Those of a trial are not kept.
    """
    images: typing.Any = data.train.images
    while isinstance(images, np.ndarray) and not isinstance(images, np.memmap):
        images = images.base
    if not isinstance(images, np.memmap):
        return None
    folder = pathlib.Path(str(images.filename)).parent
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"folder": str(folder), "bytes": size}


def text(known: dict[str, typing.Any]) -> str:
    """Returns what `described`, or `results`, as lines for people."""
    data, preset = known["data"], known["model"]
    lines = {
        "pictures": _pictures(data),
        "labels": _labels(data, preset),
        "split": f"{data['num_train']:,} to train on, {data['num_test']:,} to test with",
        "model": f"{preset['network']}, {preset['latent_dim']} latents; {preset['second_stage']}",
        "training": f"{preset['epochs']} + {preset['second_stage_epochs']} epochs, "
        f"batches of {preset['batch_size']}",
    }
    if data.get("left_out"):
        lines["left out"] = f"{data['left_out']:,} files or folders that are no pictures"
    estimate = known["estimate"]
    if estimate is not None:
        lines["model"] += f"; {estimate['parameters']:,} parameters"
        lines["time"] = (
            f"about {_time(estimate['seconds'])}, as {estimate['images']:,} images took; "
            f"{_time(estimate['epoch'])} an epoch"
        )
        if estimate["memory"] is not None:
            lines["memory"] = f"{estimate['memory'] / 1e6:,.0f} MB at the most so far"
    if known["cache"] is not None:
        cache = known["cache"]
        lines["cache"] = f"{cache['folder']} ({cache['bytes'] / 1e6:,.1f} MB)"
    lines["output"] = known["output"] + (", which goes on" if known["goes_on"] else "")
    lines |= known.get("results", {})
    order = sorted(lines, key=lambda name: _LINES.index(name) if name in _LINES else len(_LINES))
    return "\n".join(f"{name:12}{lines[name]}" for name in order)


def _pictures(data):
    height, width, channels = data["image_shape"]
    colour = "grey" if channels == 1 else "colour"
    resized = f", by {data['options']['resize']}" if "resize" in data["options"] else ""
    return f"{data['source']}: {height}x{width}, {colour}{resized}"


def _labels(data, preset):
    names = data["label_names"] or ()
    if not names:
        return "none"
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    asked = "" if preset["conditions"] else "; the model is not told of them"
    return f"{len(names)} {data['labels']}: {shown}{asked}"


def _time(seconds):
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def show(text: str) -> None:
    """Shows what is about to be done on a terminal's stderr."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        console.print(text, markup=False)


def results(folder: RunFolder) -> dict[str, typing.Any]:
    """Returns what has become of a training: the losses at its end, and where things are."""
    history = folder.history
    last = {name: values[-1] for name, values in history.items() if values}
    losses = [f"{last[key]:.4g}" for key in ("stage1_loss", "stage2_loss") if key in last]
    said = {"losses": " and ".join(losses), "saved": str(folder.model)}
    said["report"] = str(folder.path / "report.html")
    return {"goes_on": False, "losses": last, "results": said}
