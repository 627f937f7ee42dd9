"""How the example scripts train: so that the same command goes on where it was interrupted."""

import keras
import numpy as np

import keras_tsvae as tsvae


def fit(model, args, images, test_images, labels=None, test_labels=None):
    """Trains both stages, keeping backup and losses; returns all epochs' losses, saves the model.

    A conditional model takes labels too: arrays of them, or data sets that pair them with images.
    """
    few = test_images[:2000] if isinstance(test_images, np.ndarray) else test_images.take(32)

    def count_active(epoch, epoch_logs):
        epoch_logs["active_units"] = model.posteriors(few).active_units()

    count = keras.callbacks.LambdaCallback(on_epoch_end=count_active)
    loggers = [keras.callbacks.CSVLogger(args.output / f"stage{stage}.csv") for stage in (1, 2)]
    backup = tsvae.callbacks.BackupAndRestore(args.output / "backup", 60, restart=args.restart)
    history = model.fit(
        images,
        labels,
        batch_size=args.batch_size if isinstance(images, np.ndarray) else None,
        epochs=model.preset.epochs,
        second_stage_epochs=model.preset.second_stage_epochs,
        second_stage_batch_size=model.preset.second_stage_batch_size,
        validation_data=test_images if labels is None else (test_images, test_labels),
        callbacks=[count, loggers[0], backup],
        second_stage_callbacks=[loggers[1]],
        verbose=2,
    )
    model.save(args.model, include_optimizer=False)
    return history.history
