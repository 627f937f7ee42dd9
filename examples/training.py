"""How the example scripts train: saving model and losses as they go, to be resumed."""

import time

import keras
import numpy as np


class Save(keras.callbacks.Callback):
    """Saves the whole model at most once a minute, at an epoch's end, and after each stage."""

    def __init__(self, path):
        super().__init__()
        self.path, self.last = path, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() > self.last + 60:
            self.on_train_end()

    def on_train_end(self, logs=None):
        self.model.save(self.path)
        self.last = time.monotonic()


def fit(model, args, images, test_images, labels=None, test_labels=None):
    """Trains both stages, and saves model and losses as it goes; returns all epochs' losses.

    A conditional model takes labels too: arrays of them, or data sets that pair them with images.
    """
    epochs = (model.preset.epochs, model.preset.second_stage_epochs)
    done = [
        min(int(keras.ops.convert_to_numpy(stage.optimizer.iterations)) // steps, last)
        for stage, steps, last in zip(model.stages().values(), model.preset.steps_per_epoch, epochs)
    ]
    loggers = [keras.callbacks.CSVLogger(path, append=True) for path in args.logs]
    few = test_images[:2000] if isinstance(test_images, np.ndarray) else test_images.take(32)

    def count_active(epoch, epoch_logs):
        epoch_logs["active_units"] = model.posteriors(few).active_units()

    count = keras.callbacks.LambdaCallback(on_epoch_end=count_active)
    model.fit(
        images,
        labels,
        batch_size=args.batch_size if isinstance(images, np.ndarray) else None,
        epochs=epochs[0],
        initial_epoch=done[0],
        second_stage_epochs=epochs[1],
        second_stage_initial_epoch=done[1],
        second_stage_batch_size=model.preset.second_stage_batch_size,
        validation_data=test_images if labels is None else (test_images, test_labels),
        callbacks=[count, loggers[0], Save(args.model)],
        second_stage_callbacks=[loggers[1], Save(args.model)],
        verbose=2,
    )
    model.save(args.model)
    logs = {path.stem: read(path, n) for path, n in zip(args.logs, epochs) if path.exists()}
    return {f"{name}_{key}": values for name, log in logs.items() for key, values in log.items()}


def read(path, epochs):
    """Returns the columns of a `CSVLogger` file; of an epoch made twice, the later one counts."""
    table = np.atleast_1d(np.genfromtxt(path, delimiter=",", names=True))
    last = {int(row["epoch"]): row for row in table if row["epoch"] < epochs}
    return {key: [row[key] for _, row in sorted(last.items())] for key in table.dtype.names}
