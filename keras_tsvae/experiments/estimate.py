"""How long a training will take, and how much memory: measured on a few batches."""

import dataclasses
import os
import statistics
import sys
import time
import typing

import keras

from keras_tsvae.data.split import Split
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.models import ConditionalTwoStageVAE

BATCHES = 4
_PASSES = 3
_VALIDATION = 0.35  # of the time of a step, for as many images: forwards alone
_WATCHED = 2000  # images whose active units are counted after each epoch
_BETWEEN = 0.1  # seconds from one epoch to the next
_RECOGNIZER = 0.1  # of the time of the first stage, at the least
_MOST_TIMES = 10  # as long as of few images, that a second stage takes to begin
_SPARED = 0.1  # of a budget, for backups and pictures


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a training will take; times are in seconds.

    Args:
        parameters: Of the model.
        setup: Until the first step: the networks are traced and compiled.
        epoch: An epoch of the first stage, with what is watched at its end.
        between: Until the second stage's first epoch: all images are encoded.
        second_stage_epoch: An epoch of the second stage.
        memory: Bytes that this process has needed at the most; None where that is not known.
        images: How many it was measured on.
    """

    parameters: int
    setup: float
    epoch: float
    between: float
    second_stage_epoch: float
    memory: int | None
    images: int

    def seconds(self, epochs: int, second_stage_epochs: int) -> float:
        """Returns the time of a training of so many epochs of either stage."""
        stages = epochs * self.epoch + second_stage_epochs * self.second_stage_epoch
        return self.setup + self.between + stages

    def epochs_within(self, seconds: float, second_stage_epochs: int | None = None) -> int:
        """Returns how many epochs of the first stage fit into a time, 1 at the least.

        Args:
            seconds: The time, of which a little is spared.
            second_stage_epochs: Those of the second stage. Defaults to None: twice as many.
        """
        left = (1 - _SPARED) * seconds - self.seconds(0, second_stage_epochs or 0)
        twice = 2 * self.second_stage_epoch if second_stage_epochs is None else 0.0
        return max(1, int(left / (self.epoch + twice)))


def estimate(experiment: Experiment, train: Split, num_train: int, num_test: int) -> Estimate:
    """Returns an `Estimate`, measured by training a model of its own on a few batches.

    Args:
        experiment: An `Experiment`.
        train: Training images, of which the first are used.
        num_train: How many there are to train on.
        num_test: How many are watched after each epoch.
    """
    preset = experiment.model
    rows = slice(0, min(len(train), BATCHES * preset.batch_size))
    few = Split(train.images[rows], train.labels[rows])
    keras.utils.set_random_seed(experiment.fit.seed)
    begin = time.monotonic()
    constant = dataclasses.replace(preset, schedule="constant")  # else its length is warned of
    model = dataclasses.replace(experiment, model=constant).make_model()
    size, clock = min(preset.batch_size, len(few)), _Clock()
    options: dict[str, typing.Any] = {"batch_size": size, "verbose": 0}
    if isinstance(model, ConditionalTwoStageVAE):
        options |= {"recognizer_epochs": 0, "correct_conditions": False}
    model.fit(few, epochs=_PASSES, second_stage_epochs=0, callbacks=[clock], **options)
    step = statistics.median(clock.steps)
    setup = time.monotonic() - begin - step * len(clock.steps)
    begun, second_stage_epoch = _second_stage(model, few, size)
    more = num_train / len(few)
    per_image = step / size
    watched = _VALIDATION * per_image * (num_test + min(num_test, _WATCHED))
    epoch = step * (num_train // size or 1) + watched + _BETWEEN
    if isinstance(model, ConditionalTwoStageVAE):
        setup += max(_RECOGNIZER * epoch, setup / 2)
    return Estimate(
        parameters=model.count_params(),
        setup=setup,
        epoch=epoch,
        between=_VALIDATION * per_image * num_train + min(more, _MOST_TIMES) * begun,
        second_stage_epoch=more * second_stage_epoch,
        memory=_memory(),
        images=len(few),
    )


def _second_stage(model, few, size):
    """Returns the times of the beginning and of an epoch of the second stage, of few images."""
    size = min(model.preset.second_stage_batch_size or size, len(few))
    posteriors, times = model.posteriors(few), []
    for epochs in (1, 1, 3):  # the first is compiled
        begin = time.monotonic()
        model.second_stage.fit(posteriors, batch_size=size, epochs=epochs, verbose=0)
        times.append(time.monotonic() - begin)
    epoch = max(times[2] - times[1], 0.0) / 2
    return max(times[1] - epoch, 0.0), epoch


def _memory():
    if os.name != "posix":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


class _Clock(keras.callbacks.Callback):
    """Measures how long each step takes."""

    def __init__(self):
        super().__init__()
        self.steps = []
        self._begin = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self._begin = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(time.monotonic() - self._begin)
