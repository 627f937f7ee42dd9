"""A training that is to be killed: `reliability.py` starts it again and again.

    python reliability_worker.py FOLDER [--conditional] [--kill PLACE N SECONDS]...

writes `result.npz` and `history.json` to FOLDER once the training has ended; each kill adds a line
to `killed`, what the process was doing. With several kills all starts but the last are forks of
this process, before it has used the backend: most of a start is to import it. Nothing in `train`
knows that it has been started before: it is what a user's script is.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import threading

import keras
import numpy as np

import keras_tsvae as tsvae
from keras_tsvae.latents import Posteriors
from keras_tsvae.saving.backup_folder import BackupFolder

SHAPE, WIDTH, ROWS, LATENT = (8, 8, 1), 8, 200, 4
EPOCHS = {"epochs": 6, "second_stage_epochs": 6}


class Killer(keras.callbacks.Callback):
    """Kills the process at an event of one place, or some time after it."""

    def __init__(self, place, after, delay, told, first):
        super().__init__()
        self.place, self.left, self.delay = place, after, delay
        self.told, self.now = told, first

    def happens(self, place):
        if place == self.place:
            self.left -= 1
            if self.left == 0 and self.delay:
                threading.Timer(self.delay, self.kill).start()
            elif self.left == 0:
                self.kill()

    def kill(self):
        with self.told.open("a") as file:
            print(self.now, file=file)
        os.kill(os.getpid(), signal.SIGKILL)

    @contextlib.contextmanager
    def under_way(self, place):
        """For the time of something else than the batches around it."""
        before, self.now = self.now, place
        self.happens(place)
        yield
        self.now = before

    def on_train_batch_begin(self, batch, logs=None):
        self.now = getattr(self.model, "stage_in_training", None) or "recognizer"
        self.happens(self.now)

    def watch(self):
        """Notices what no callback sees: the recognizer, encoding, and the writing of backups."""
        recognizer = tsvae.models.condition_recognizer.ConditionRecognizer
        recognizer.fit = self.before(recognizer.fit)
        from_batches, write = Posteriors.from_batches.__func__, BackupFolder.write

        def encoding(cls, batches, *args, **kwargs):
            with self.under_way("encoding"):
                return from_batches(cls, map(self.encoded, batches), *args, **kwargs)

        def writing(*args, **kwargs):
            with self.under_way("writing"):
                return write(*args, **kwargs)

        Posteriors.from_batches, BackupFolder.write = classmethod(encoding), writing
        for name in ("fsync", "replace", "unlink", "open"):
            setattr(os, name, self.noticed(getattr(os, name)))

    def encoded(self, batch):
        self.happens("encoding")
        return batch

    def before(self, fit):
        def watched(model, *args, callbacks, **kwargs):
            return fit(model, *args, callbacks=[*callbacks, self], **kwargs)

        return watched

    def noticed(self, call):
        def watched(*args, **kwargs):
            if self.now == "writing":
                self.happens("writing")
            return call(*args, **kwargs)

        return watched


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


def train(folder, conditional, place=None, after=1, delay=0.0):
    """Trains to the end, unless it is killed before; or goes on."""
    first = "recognizer" if conditional else "stage1"
    killer = Killer(place, int(after), float(delay), folder / "killed", first)
    model, data, options = make(conditional)
    killer.watch()
    history = model.fit(
        *data,
        batch_size=20,
        **EPOCHS,
        **options,
        verbose=0,
        posteriors_memory_limit=0,
        posteriors_path=folder / "posteriors.h5",
        callbacks=[
            tsvae.callbacks.BackupAndRestore(folder / "backup"),
            keras.callbacks.CSVLogger(folder / "log.csv"),
            keras.callbacks.EarlyStopping("loss", mode="min", patience=3),
            keras.callbacks.ReduceLROnPlateau("loss", mode="min", patience=1, min_delta=1.0),
            killer,
        ],
    )
    values = map(keras.ops.convert_to_numpy, model.loaded_variables())
    np.savez(folder / "result.npz", *values)
    (folder / "history.json").write_text(json.dumps([history.epoch, history.history]))


def forked(*arguments):
    """Trains in a fork of this process; returns whether it has come to its end."""
    process = os.fork()
    if not process:
        train(*arguments)
        os._exit(0)
    status = os.waitpid(process, 0)[1]
    if status not in (0, signal.SIGKILL):
        raise RuntimeError("A training failed.")
    return status == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--conditional", action="store_true")
    parser.add_argument("--kill", nargs=3, action="append", default=[])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if not any(forked(args.folder, args.conditional, *kill) for kill in args.kill[:-1]):
        train(args.folder, args.conditional, *(args.kill or [[]])[-1])


if __name__ == "__main__":
    main()
