"""Writes the backup of a training that was interrupted in stage 2, and how it ends.

    KERAS_BACKEND=tensorflow python -m tests.golden.backup tests/golden/NAME
    KERAS_BACKEND=jax python -m tests.golden.backup tests/golden/NAME

`tests/test_golden_backup.py` goes on from the backups in all such folders, with the code of its own
day. So what is here makes the same training for good: what changes it makes the backups those of
another one.
"""

import pathlib
import shutil
import sys
import tempfile

import keras
import numpy as np

import keras_tsvae as tsvae
from tests.golden import exact

SHAPE, LATENT_DIM = (6, 6, 1), 3
INTERRUPTED = 17  # batches of stage 2, of which 8 make an epoch


class _Interrupt(keras.callbacks.Callback):
    """Ctrl-C in stage 2."""

    left = INTERRUPTED

    def on_train_batch_end(self, batch, logs=None):
        self.left -= self.model.stage_in_training == "stage2"
        if not self.left:
            raise KeyboardInterrupt


def model():
    """A model of dense networks, with batch norm and dropout, which have states of their own."""
    keras.utils.set_random_seed(5)
    layers, x, z = keras.layers, keras.Input(SHAPE), keras.Input((LATENT_DIM,))
    hidden = layers.Dropout(0.1)(layers.BatchNormalization()(layers.Dense(6)(layers.Flatten()(x))))
    pixels = layers.Dense(int(np.prod(SHAPE)), "sigmoid")(layers.Dense(6, "relu")(z))
    first = tsvae.FirstStageVAE(
        keras.Model(x, [layers.Dense(LATENT_DIM)(hidden), layers.Dense(LATENT_DIM)(hidden)]),
        keras.Model(z, layers.Reshape(SHAPE)(pixels)),
    )
    model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(LATENT_DIM, width=6, depth=1))
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def images():
    """Noise around a bright corner, uint8."""
    numbers = np.random.default_rng(3).integers(0, 100, (64, *SHAPE))
    numbers[:, :3, :3] += 120
    return numbers.astype("uint8")


def fit(model, folder, *callbacks):
    """Trains, with a backup in a folder and a table beside it, to the end or goes on."""
    watching = [
        tsvae.callbacks.BackupAndRestore(folder / "backup", keep=1),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.ReduceLROnPlateau("loss", mode="min", patience=1, min_delta=1.0),
        *callbacks,
    ]
    epochs = {"epochs": 3, "second_stage_epochs": 4}
    return model.fit(images(), batch_size=8, **epochs, callbacks=watching, verbose=0)


def end(model, history, folder):
    """Returns what a training has come to, by name."""
    found = {f"history/{key}": np.array(value) for key, value in history.history.items()}
    values = [keras.ops.convert_to_numpy(each).ravel() for each in model.loaded_variables()]
    found["variables"] = np.concatenate([value.astype("float64") for value in values])
    return {**found, "table": np.array((folder / "log.csv").read_text())}


def main(folder):
    """Writes the backup of this backend, and what comes of it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = keras.backend.backend()
    with tempfile.TemporaryDirectory() as there:
        there = pathlib.Path(there)
        try:
            fit(model(), there, _Interrupt())
        except KeyboardInterrupt:
            (kept,) = (there / "backup").iterdir()
            shutil.copy(kept, folder / f"{name}-{kept.name}")
        trained = model()
        found = end(trained, fit(trained, there), there)
    arithmetic = {f"arithmetic/{key}": value for key, value in exact.arithmetic().items()}
    np.savez_compressed(folder / f"backup-{name}.npz", **arithmetic, **found)


if __name__ == "__main__":
    from tests import conftest  # noqa: F401  backends as tests set them

    main(pathlib.Path(sys.argv[1]))
