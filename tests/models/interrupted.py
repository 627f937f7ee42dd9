"""Trainings that are interrupted again and again, and what they are compared with."""

import random

import keras
import numpy as np

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy
from tests.models import family

IMAGES, ATTRIBUTES = toy.data(96)


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C after so many batches of a fit."""

    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


class Counting(keras.callbacks.Callback):
    """Remembers how many epochs it has seen, which it writes into the logs."""

    seen = 0

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1
        logs["seen"] = self.seen

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


def callbacks(folder):
    """One of each kind that remembers something, as a script makes them."""
    return [
        Counting(),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.EarlyStopping("loss", mode="min", patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", mode="min", min_delta=9, patience=1),
        keras.callbacks.ModelCheckpoint(
            folder / "best.weights.h5", "loss", save_best_only=True, save_weights_only=True
        ),
    ]


def fit_first(model, **arguments):
    return model.fit(IMAGES, batch_size=16, epochs=4, validation_data=IMAGES[:20], **arguments)


def fit_second(model, **arguments):
    data = family.posteriors(300)
    return model.fit(data, batch_size=50, epochs=4, **arguments)


def fit_both(model, **arguments):
    epochs = {"epochs": 3, "second_stage_epochs": 4}
    return model.fit(IMAGES, batch_size=16, validation_data=IMAGES[:20], **epochs, **arguments)


def fit_conditional(model, **arguments):
    epochs = {"epochs": 2, "second_stage_epochs": 3, "recognizer_epochs": 3}
    return model.fit(IMAGES, ATTRIBUTES, batch_size=16, **epochs, **arguments)


KINDS = {
    "first": (lambda: tiny.first_stage("adam"), fit_first, 24),
    **{k: (lambda k=k: family.compiled(k), fit_second, 24) for k in family.PRESETS},
    "both": (lambda: tiny.two_stage("adam"), fit_both, 42),
    "conditional": (lambda: toy.linear(), fit_conditional, 30),
}


class Trained:
    """A model that can be made as new, and what a training has made of it."""

    def __init__(self, make, fit):
        keras.utils.set_random_seed(7)
        self.model, self._fit = make(), fit
        self.model.build_optimizers()
        self.start = self.values()

    def values(self):
        return [np.array(v) for v in map(keras.ops.convert_to_numpy, self.variables())]

    def variables(self):
        return self.model.loaded_variables()

    def reset(self, seed=None):
        """Makes it as new, or, with a seed, with other weights and random numbers."""
        rng = np.random.default_rng(seed)
        keras.utils.set_random_seed(11)
        if seed is not None:  # but for TensorFlow's, which the order of streams depends on
            np.random.seed(seed)
            random.seed(seed)
        for variable, value in zip(self.variables(), self.start):
            if seed is not None and value.dtype == "float32":
                value = value + rng.random(value.shape).astype("float32")
            variable.assign(value)
        if hasattr(self.model, "joint"):
            self.model.joint = None

    def fit(self, folder, backup=None, batches=None, **arguments):
        folder.mkdir(exist_ok=True)
        watching = callbacks(folder)
        watching += [] if batches is None else [Interrupt(batches)]
        watching[:0] = [] if backup is None else [backup]
        return self._fit(self.model, callbacks=watching, verbose=0, **arguments)

    def interrupted(self, folder, batches, **arguments):
        """Fits, interrupted after each of these numbers of batches; returns the History."""
        self.reset()
        for number, count in enumerate([*batches, None]):
            backup = tsvae.callbacks.BackupAndRestore(folder / "backup")
            try:
                return self.fit(folder, backup, count, **arguments)
            except KeyboardInterrupt:
                self.reset(seed=number)
        return None
