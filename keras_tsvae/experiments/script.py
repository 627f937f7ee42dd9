"""The command line of a script about one data set, as those in `examples/` are."""

import argparse
import dataclasses
import pathlib
import typing
from collections.abc import Callable, Mapping

import keras

from keras_tsvae import presets
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.experiments.data_settings import DataSettings
from keras_tsvae.experiments.drawing import Figures
from keras_tsvae.experiments.evaluating import evaluate, features_of
from keras_tsvae.experiments.evaluation_settings import FEWEST_SAMPLES, EvaluationSettings
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.experiments.facts import facts_of
from keras_tsvae.experiments.fit_settings import FitSettings
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.experiments.training import train
from keras_tsvae.files import expanded
from keras_tsvae.models import TwoStageVAE

_SHOWN = ("loss", "mse", "kl", "gamma", "active_units")


def run_script(
    description: str,
    *preset_names: str,
    data_options: dict[str, typing.Any] | None = None,
    compiling: dict[str, typing.Any] | None = None,
    figures: Callable[[TwoStageVAE, ImageData], Figures] | None = None,
    others: Callable[[TwoStageVAE, ImageData], Mapping[str, TwoStageVAE]] | None = None,
) -> pathlib.Path:
    """Runs an experiment as this process's arguments ask for it: trains, draws, measures, prints.

    Args:
        description: What `--help` says.
        *preset_names: The presets to choose from, all of one data set; the first is the default.
        data_options: What `keras_tsvae.data.load` takes besides. Defaults to None.
        compiling: Arguments of the model's `compile`. Defaults to None.
        figures: As `train` takes it.
        others: As `evaluate` takes it.

    Returns:
        Path of the folder of the run.
    """
    args = _arguments(description, preset_names)
    settings = DataSettings(
        args.preset_settings.dataset,
        "set",
        args.data_dir and str(expanded(args.data_dir).resolve()),
        args.limit,
        data_options or {},
    )
    images = settings.load()
    facts = facts_of(images)
    changes = {"train_size": facts["num_train"], **args.changes}
    experiment = Experiment(
        settings,
        presets.get(args.preset, **changes),
        FitSettings(dtype_policy=args.dtype_policy, compiling=compiling or {}),
        EvaluationSettings(args.inception or "judge", args.samples),
    )
    model = train(experiment, args.output, restart=args.restart, data=images, figures=figures)
    run = RunFolder(args.output)
    _print_losses(run)
    evaluation = evaluate(run.path, model=model, data=images, others=others)
    print(f"\n{evaluation}")
    return run.path


def _arguments(description, preset_names):
    """Returns the command line's arguments, checked."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    first = preset_names[0]
    add("--preset", choices=preset_names, default=first, help=f"default: {first}")
    add("--data-dir", help="folder with the data set's files; default: what Keras downloads")
    add("--epochs", type=int, help="of the first stage; default: the preset's")
    add("--second-stage-epochs", type=int, help="default: the preset's")
    add("--learning-rate", type=float, help="Adam's at first, falling along a cosine")
    add("--second-stage-batch-size", type=int, help="more than the first's takes less time")
    add("--base-dim", type=int, help="width of the networks; less takes less time and memory")
    add("--gamma", type=parse_gamma, help="of both stages: learned, computed, optimal or a number")
    add("--second-stage-gamma", type=parse_gamma, help="of the second stage, if it is another one")
    add("--dtype-policy", default="float32", help="of a new model, such as mixed_bfloat16")
    add("--limit", type=int, metavar="N", help="use no more than N images of each split")
    add("--samples", type=int, default=10_000, help="images of each stage that are measured")
    add(
        "--inception",
        nargs="?",
        const="inception",
        metavar="WEIGHTS",
        help="measure with Inception's features, downloaded or from the file WEIGHTS, "
        "instead of those of a classifier that is trained here",
    )
    add("--output", type=pathlib.Path, help="folder for all results; default: runs/PRESET")
    add("--restart", action="store_true", help="begin anew, whatever was trained in --output")
    args = parser.parse_args()
    args.output = args.output or pathlib.Path("runs", args.preset)
    fields = {field.name for field in dataclasses.fields(presets.Preset)}
    args.changes = {k: v for k, v in vars(args).items() if k in fields and v is not None}
    if args.learning_rate is not None:
        args.changes["schedule"] = "cosine"
    try:
        keras.dtype_policies.get(args.dtype_policy)
        args.preset_settings = presets.get(args.preset, **args.changes)
        RunFolder(args.output).check()
        if args.inception is not None:  # now, not after a training of days
            features_of(args.inception)
    except ValueError as error:
        parser.error(str(error))
    if args.samples < FEWEST_SAMPLES:
        parser.error(f"--samples must be at least {FEWEST_SAMPLES}, which recall needs")
    size = args.preset_settings.batch_size
    if args.limit is not None and args.limit < size:
        parser.error(f"--limit must be at least {size}, the preset's batch size")
    return args


def parse_gamma(text: str) -> str | float:
    """Returns what a preset takes as its gamma; it refuses words that it does not know."""
    return text if text.isalpha() else float(text)


def _print_losses(run):
    names = sorted(path.name for path in run.path.iterdir())
    print(f"\nWrote to {run.path}: {', '.join(names)}")
    for key, values in run.history.items():
        if key.endswith(_SHOWN):
            print(f"{key:20} {values[0]:11.4f} at first, {values[-1]:11.4f} at last")
