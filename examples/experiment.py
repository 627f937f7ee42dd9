"""What the example scripts share: their arguments, and the model they train."""

import argparse
import dataclasses
import pathlib

import keras

import keras_tsvae as tsvae


def arguments(description, *presets):
    """Returns the command line's arguments; the first of `presets` is the default one."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--preset", choices=presets, default=presets[0], help=f"default: {presets[0]}")
    add("--data-dir", help="folder with the data set's files; default: what Keras downloads")
    add("--epochs", type=int, help="of the first stage; default: the preset's")
    add("--second-stage-epochs", type=int, help="default: the preset's")
    add("--learning-rate", type=float, help="Adam's at first, falling along a cosine")
    add("--second-stage-batch-size", type=int, help="more than the first's takes less time")
    add("--base-dim", type=int, help="width of the networks; less takes less time and memory")
    add("--gamma", type=gamma, help="of both stages: learned, computed, optimal or a number")
    add("--second-stage-gamma", type=gamma, help="of the second stage, if it is another one")
    add("--dtype-policy", help="of a new model, such as mixed_bfloat16; default: float32")
    add("--limit", type=int, metavar="N", help="use no more than N images of each split")
    add("--samples", type=int, default=10_000, help="images of each stage that are measured")
    add(
        "--inception",
        nargs="?",
        const="download",
        metavar="WEIGHTS",
        help="measure with Inception's features, downloaded or from the file WEIGHTS, "
        "instead of those of a classifier that is trained here",
    )
    add("--output", type=pathlib.Path, help="folder for all results; default: runs/PRESET")
    add("--restart", action="store_true", help="begin anew, whatever was trained in --output")
    args = parser.parse_args()
    args.output = (args.output or pathlib.Path("runs", args.preset)).expanduser()
    args.model = args.output / f"{args.preset}.keras"
    fields = {field.name for field in dataclasses.fields(tsvae.presets.Preset)}
    args.changes = {k: v for k, v in vars(args).items() if k in fields and v is not None}
    if args.learning_rate is not None:
        args.changes["schedule"] = "cosine"
    try:
        keras.dtype_policies.get(args.dtype_policy)
        args.batch_size = tsvae.presets.get(args.preset, **args.changes).batch_size
        if args.inception is not None:  # now, not after a training of days
            weights = None if args.inception == "download" else args.inception
            args.inception = tsvae.metrics.InceptionV3Features(weights)
    except ValueError as error:
        parser.error(str(error))
    if args.samples < 4:
        parser.error("--samples must be at least 4, which recall needs")
    if args.limit is not None and args.limit < args.batch_size:
        parser.error(f"--limit must be at least {args.batch_size}, the preset's batch size")
    keras.utils.set_random_seed(0)
    return args


def gamma(text):
    """Returns what a preset takes as its gamma; it refuses words that it does not know."""
    return text if text.isalpha() else float(text)


def make(args, train_size, **compiling):
    """Returns a new, compiled model."""
    args.output.mkdir(parents=True, exist_ok=True)
    changes = {"train_size": train_size, **args.changes}
    conditional = args.preset in tsvae.presets.names(conditional=True)
    kind = tsvae.ConditionalTwoStageVAE if conditional else tsvae.TwoStageVAE
    keras.config.set_dtype_policy(args.dtype_policy or "float32")
    model = kind.from_preset(args.preset, **changes)
    keras.config.set_dtype_policy("float32")  # of whatever measures the model
    model.compile(**compiling)
    return model
