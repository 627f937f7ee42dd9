"""One start of a training that is to be killed: `reliability.py` starts it again and again.

    python reliability_worker.py FOLDER [--conditional] [--kill PLACE --after N --delay SECONDS]

writes `result.npz` and `history.json` to FOLDER once the training has ended. Nothing in here knows
that it has been started before: it is what a user's script is.
"""

import argparse
import json
import os
import pathlib
import signal
import threading

import keras
import numpy as np

import keras_tsvae as tsvae
from keras_tsvae.latents import Posteriors

SHAPE, WIDTH, ROWS, LATENT = (8, 8, 1), 8, 200, 4
EPOCHS = {"epochs": 6, "second_stage_epochs": 6}
PLACES = ("recognizer", "stage1", "encoding", "stage2", "writing")


class Killer(keras.callbacks.Callback):
    """Kills the process at an event of one place, or some time after it."""

    def __init__(self, place, after, delay):
        super().__init__()
        self.place, self.left, self.delay = place, after, delay

    def happens(self, place):
        if place == self.place:
            self.left -= 1
            if self.left == 0 and self.delay:
                threading.Timer(self.delay, kill).start()
            elif self.left == 0:
                kill()

    def on_train_batch_begin(self, batch, logs=None):
        self.happens(getattr(self.model, "stage_in_training", None) or "recognizer")

    def watch(self):
        """Notices what no callback sees: the recognizer, encoding, and the writing of backups."""
        recognizer = tsvae.models.condition_recognizer.ConditionRecognizer
        recognizer.fit = self.before(recognizer.fit)
        from_batches = Posteriors.from_batches.__func__

        def counted(cls, batches, *args, **kwargs):
            return from_batches(cls, map(self.passed_on, batches), *args, **kwargs)

        Posteriors.from_batches = classmethod(counted)
        for name in ("fsync", "replace", "unlink", "open"):
            setattr(os, name, self.noticed(getattr(os, name)))

    def passed_on(self, batch):
        self.happens("encoding")
        return batch

    def before(self, fit):
        def watched(model, *args, callbacks, **kwargs):
            return fit(model, *args, callbacks=[*callbacks, self], **kwargs)

        return watched

    def noticed(self, call):
        def watched(path, *args, **kwargs):
            if isinstance(path, int) or "backup" in os.fspath(path):
                self.happens("writing")
            return call(path, *args, **kwargs)

        return watched


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def dense(inputs, *widths):
    x = keras.layers.Flatten()(inputs)
    return keras.layers.Dense(widths[-1])(keras.layers.Dense(widths[0], "tanh")(x))


def networks():
    x, z = keras.Input(SHAPE), keras.Input((LATENT,))
    posterior = keras.layers.Reshape((2, LATENT))(dense(x, WIDTH, 2 * LATENT))
    pixels = keras.layers.Reshape(SHAPE)(keras.layers.Activation("sigmoid")(dense(z, WIDTH, 64)))
    return keras.Model(x, [posterior[:, 0], posterior[:, 1]]), keras.Model(z, pixels)


def make(conditional):
    """Returns a compiled model and what its fit takes."""
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    images = rng.integers(0, 90, (ROWS, *SHAPE)) + 60 * labels[:, None, None, None]
    images = images.astype("uint8")
    keras.utils.set_random_seed(3)
    first = tsvae.FirstStageVAE(*networks())
    if conditional:
        second = tsvae.SecondStageVAE(LATENT, WIDTH, 1, condition_dim=3, gamma="computed")
        conditions = tsvae.conditions.Classes(3)
        model = tsvae.ConditionalTwoStageVAE(first, second, conditions)
    else:
        model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(LATENT, WIDTH, 1, gamma="computed"))
    model.compile("adam", "adam")
    data = (images, labels) if conditional else (images,)
    return model, data, {"recognizer_epochs": 4} if conditional else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--conditional", action="store_true")
    parser.add_argument("--kill", choices=PLACES)
    parser.add_argument("--after", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.0)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    killer = Killer(args.kill, args.after, args.delay)
    model, data, options = make(args.conditional)
    killer.watch()
    history = model.fit(
        *data,
        batch_size=20,
        **EPOCHS,
        **options,
        verbose=0,
        posteriors_memory_limit=0,
        posteriors_path=args.folder / "posteriors.h5",
        callbacks=[
            tsvae.callbacks.BackupAndRestore(args.folder / "backup"),
            keras.callbacks.CSVLogger(args.folder / "log.csv"),
            keras.callbacks.EarlyStopping("loss", mode="min", patience=3),
            keras.callbacks.ReduceLROnPlateau("loss", mode="min", patience=1, min_delta=1.0),
            killer,
        ],
    )
    values = map(keras.ops.convert_to_numpy, model.loaded_variables())
    np.savez(args.folder / "result.npz", *values)
    (args.folder / "history.json").write_text(json.dumps([history.epoch, history.history]))


if __name__ == "__main__":
    main()
