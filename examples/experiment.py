"""What the example scripts share before their report: arguments, model, training."""

import argparse
import pathlib

import keras
import numpy as np

import keras_tsvae as tsvae

STEPS_BETWEEN_SAVES = 1000


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
    add(
        "--learning-rate",
        type=float,
        help="Adam's at first, falling to zero along a cosine, for short trainings; default: the "
        "preset's schedule",
    )
    add("--limit", type=int, metavar="N", help="use no more than N images of each split")
    add("--output", type=pathlib.Path, help="folder for all results; default: runs/PRESET")
    add("--resume", action="store_true", help="train on from the model in --output")
    args = parser.parse_args()
    args.output = args.output or pathlib.Path("runs", args.preset)
    args.output.mkdir(parents=True, exist_ok=True)
    args.model = args.output / f"{args.preset}.keras"
    keras.utils.set_random_seed(0)
    return args


def make(args, train_size):
    """Returns the compiled model: a new one, or with --resume the one in --output."""
    given = {"epochs": args.epochs, "second_stage_epochs": args.second_stage_epochs}
    given = {name: value for name, value in given.items() if value is not None}
    if args.learning_rate is not None:
        given |= {"learning_rate": args.learning_rate, "schedule": "cosine"}
    if args.resume and args.model.exists():
        model = keras.saving.load_model(args.model)
    else:
        model = tsvae.TwoStageVAE.from_preset(args.preset, train_size=train_size, **given)
        model.compile()
    defaults = ("epochs", "second_stage_epochs")
    vars(args).update({name: getattr(model.preset, name) for name in defaults} | given)
    return model


def fit(model, args, images, test_images):
    """Trains both stages, and saves model and losses as it goes; returns all epochs' losses."""
    preset, steps = model.preset, model.preset.steps_per_epoch
    done = [
        int(keras.ops.convert_to_numpy(stage.optimizer.iterations)) // steps
        for stage in model.stages().values()
    ]
    every = -(-STEPS_BETWEEN_SAVES // steps)  # epochs
    save = keras.callbacks.ModelCheckpoint(args.model, save_freq=every * steps)
    logs = [args.output / f"{name}.csv" for name in model.stages()]
    if not args.resume:
        for path in logs:
            path.unlink(missing_ok=True)
    loggers = [keras.callbacks.CSVLogger(path, append=True) for path in logs]
    few = test_images[:2000] if isinstance(test_images, np.ndarray) else test_images.take(32)

    def count_active(epoch, epoch_logs):
        epoch_logs["active_units"] = model.first_stage.posteriors(few).active_units()

    model.fit(
        images,
        batch_size=preset.batch_size if isinstance(images, np.ndarray) else None,
        epochs=args.epochs,
        initial_epoch=done[0],
        second_stage_epochs=args.second_stage_epochs,
        second_stage_initial_epoch=done[1],
        validation_data=test_images,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=count_active), save, loggers[0]],
        second_stage_callbacks=[save, loggers[1]],
        verbose=2,
    )
    model.save(args.model)
    stages = [(path.stem, _read_log(path)) for path in logs if path.exists()]
    return {f"{name}_{key}": values for name, log in stages for key, values in log.items()}


def _read_log(path):
    """Returns the columns of a `CSVLogger` file; of an epoch made twice, the later one counts."""
    table = np.atleast_1d(np.genfromtxt(path, delimiter=",", names=True))
    last = {int(row["epoch"]): row for row in table}
    return {key: [row[key] for _, row in sorted(last.items())] for key in table.dtype.names}
