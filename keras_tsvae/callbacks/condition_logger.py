"""Measures during training whether samples show what they are asked to show."""

import time
import typing

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.inference import DivergedError, finite
from keras_tsvae.callbacks.periodic_callback import PeriodicCallback
from keras_tsvae.evaluation.judged_conditions import judged_conditions, labels_of
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.condition_accuracy import ConditionAccuracy
from keras_tsvae.metrics.extractors import JudgeFeatures


class ConditionLogger(PeriodicCallback):
    """Adds to the logs of an epoch how well samples obey their conditions.

    `val_condition_accuracy` is the overall figure of `keras_tsvae.metrics.ConditionAccuracy`, of
    samples under conditions that `model.draw_conditions` draws: while the first stage trains, of
    samples of stage 1, and while the second trains, of stage 2. Conditions and noise are the same
    every time. It is NaN for a model that has diverged. Callbacks listed after this one see it,
    and so does the History.

    It is measured after the first epoch, after every `every`-th and after the last, as by
    `FIDLogger`, which see for what callbacks that watch the figure do in between.

    Args:
        judge: A trained `keras_tsvae.metrics.ClassifierFeatures` that knows the attributes or
            classes which are the model's conditions, in their order.
        num_samples: Positive int, images drawn. Defaults to 500.
        every: Positive int, epochs from one time to the next. Defaults to 1.
        seed: Non-negative int of conditions and noise. Defaults to 0.
        verbose: 1 to print the figure with its cost, 0 not to. Defaults to 1.

    Raises:
        ValueError: If an argument is not as described, or, when training begins, if the model has
            no conditions or the judge does not know them.

    Example:
        >>> obeys = keras_tsvae.callbacks.ConditionLogger(judge, every=5)
        >>> model.fit(images, labels, epochs=100, callbacks=[obeys])
    """

    def __init__(
        self,
        judge: ClassifierFeatures | JudgeFeatures,
        num_samples: int = 500,
        every: int = 1,
        seed: int = 0,
        verbose: int = 1,
    ):
        super().__init__(every)
        self.accuracy = ConditionAccuracy(judge)
        self.num_samples = positive_int("num_samples", num_samples)
        self.seed = non_negative_int("seed", seed)
        self.verbose = verbose

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` unless the judge knows the model's conditions and images."""
        judged_conditions(model, self.accuracy.judge)

    def look(self, epoch: int, stage: str, logs: dict[str, typing.Any]) -> dict[str, float]:
        """Measures samples of `stage`."""
        start = time.perf_counter()
        figure = self._measure({"stage1": 1, "stage2": 2}[stage])
        if self.verbose:
            seconds = time.perf_counter() - start
            print(
                f" val_condition_accuracy {figure:.4g} "
                f"({self.num_samples:,} images, {seconds:.1f} s)"
            )
        return {"val_condition_accuracy": figure}

    def _measure(self, stage):
        """Returns the figure of samples; NaN once the model has diverged."""
        weights = map(keras.ops.convert_to_numpy, self.model.weights)
        if not all(np.isfinite(weight).all() for weight in weights):
            return float("nan")
        codes = self.model.draw_conditions(self.num_samples, seed=self.seed)
        labels = labels_of(self.model.conditions, codes)
        self.accuracy.reset()
        samples = self.model.sample_batches(
            self.num_samples, stage=stage, seed=self.seed, condition=codes
        )
        try:
            for images in finite(samples, "images"):
                asked, labels = labels[: len(images)], labels[len(images) :]
                self.accuracy.update(images, asked)
        except DivergedError:
            return float("nan")
        return self.accuracy.result().overall
