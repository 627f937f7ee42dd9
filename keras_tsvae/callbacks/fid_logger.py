"""Measures the Fréchet Inception distance during training."""

import time

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.callbacks.stages import first_stage_of, stage_in_training
from keras_tsvae.metrics import FrechetInceptionDistance, ReferenceStatistics
from keras_tsvae.metrics.sources import (
    first_or_random,
    image_batches,
    is_npz,
    require_rereadable,
)
from keras_tsvae.models import FirstStageVAE


class FIDLogger(keras.callbacks.Callback):
    """Adds Fréchet Inception distances to the logs of an epoch.

    While a first stage trains, `val_fid_reconstruction` of reconstructed images and
    `val_fid_stage1` of samples `z ~ N(0, I)`; while a second stage trains, `val_fid_stage2` of its
    samples; and `fid_seconds`, how long that took. Noise is the same every time. Callbacks listed
    after this one see them, such as `ModelCheckpoint`, `EarlyStopping`, `CSVLogger` or
    `TensorBoard`, and so does the History.

    It is measured after the first epoch, after every `every`-th and after the last; epochs in
    between repeat the last figures. The cost of each time is that of `num_samples` images, drawn
    and turned into features, once in the second stage and twice in the first.

    Args:
        reference: Real images, those of a test set: an array, a `keras_tsvae.data.Split`, a data
            set or a folder of pictures; or a `keras_tsvae.metrics.ReferenceStatistics`, or the
            path of an `.npz` with `mu` and `sigma`, without which no reconstructions are measured.
        features: Feature extractor: None for Inception's, a
            `keras_tsvae.metrics.ClassifierFeatures`, any `keras.Model` or a function. Defaults to
            None.
        num_samples: Positive int, images drawn, and reconstructed at the most. Defaults to 2048;
            figures of other numbers cannot be compared.
        every: Positive int, epochs from one time to the next. Defaults to 1.
        protocol: `"standard"` or `"dai-wipf"` (see `keras_tsvae.metrics`). Defaults to
            `"standard"`.
        first_stage: The trained `FirstStageVAE` that decodes, where a `SecondStageVAE` is fitted
            by hand. Defaults to None.
        seed: Non-negative int of the noise. Defaults to 0.
        verbose: 1 to print the figures with their cost, 0 not to. Defaults to 1.

    Raises:
        ValueError: If an argument is not as described, or, when training begins, if the images
            are not of the model's shape.

    Example:
        >>> fid = keras_tsvae.callbacks.FIDLogger(data.test, every=10)
        >>> best = keras.callbacks.ModelCheckpoint(
        ...     "best.keras", monitor="val_fid_stage2", mode="min", save_best_only=True
        ... )
        >>> model.fit(images, epochs=100, callbacks=[fid], second_stage_callbacks=[fid, best])
    """

    def __init__(
        self,
        reference,
        features=None,
        num_samples=2048,
        every=1,
        protocol="standard",
        first_stage=None,
        seed=0,
        verbose=1,
    ):
        super().__init__()
        self.num_samples = positive_int("num_samples", num_samples)
        self.every = positive_int("every", every)
        self.seed = non_negative_int("seed", seed)
        self.verbose = verbose
        if first_stage is not None and not isinstance(first_stage, FirstStageVAE):
            raise ValueError(
                "`first_stage` must be a FirstStageVAE. "
                f"Received: type(first_stage)={type(first_stage).__name__}"
            )
        self.first_stage = first_stage
        is_statistics = isinstance(reference, ReferenceStatistics) or is_npz(reference)
        if not is_statistics:
            require_rereadable(reference, "reference")
        self.fid = FrechetInceptionDistance(reference, features, protocol)
        _check_counts(self.fid.reference, self.num_samples)
        self.images = None
        if not is_statistics:
            self.images, _ = first_or_random(reference, self.num_samples)

    def on_train_begin(self, logs=None):
        """Checks that images and model fit."""
        stage_in_training(self.model)
        if self._first() is None:
            raise ValueError(
                "`first_stage` must be given where a SecondStageVAE is fitted by hand: it has no "
                "images. Received: first_stage=None"
            )
        self.fid.reference.check_shape(np.empty((0, *self._first().image_shape)), "model")
        self._figures = None

    def on_epoch_end(self, epoch, logs=None):
        """Measures, if it is due, and adds the figures to the logs."""
        last = epoch + 1 == self.params["epochs"]
        if self._figures is None or (epoch + 1) % self.every == 0 or last:
            self._figures = self._measure(stage_in_training(self.model))
            if self.verbose:
                print(self._summary())
        logs.update(self._figures)

    def _measure(self, stage):
        start = time.perf_counter()
        figures = {f"val_fid_{stage}": self._distance(self._samples(stage))}
        if stage == "stage1" and self.images is not None:
            figures["val_fid_reconstruction"] = self._distance(self._reconstructions())
        return {**figures, "fid_seconds": time.perf_counter() - start}

    def _samples(self, stage):
        """Returns batches of samples of the stage in training."""
        first, n, seed = self._first(), self.num_samples, self.seed
        if hasattr(self.model, "conditions"):
            return self.model.sample_batches(n, stage=1 if stage == "stage1" else 2, seed=seed)
        if stage == "stage1":
            return first.sample_batches(n, seed=seed)
        second = getattr(self.model, "second_stage", self.model)
        return _decoded(first, second.sample_batches(n, seed=seed))

    def _reconstructions(self):
        """Returns batches of reconstructions, a conditional model's under inferred conditions."""
        batches = image_batches(self.images, self.num_samples)
        if not hasattr(self.model, "conditions"):
            return _decoded(self._first(), (self._first().encode(batch)[0] for batch in batches))
        means = ((batch, self.model.encode(batch)[0]) for batch in batches)
        return (
            self.model.reconstruct(batch) if np.isfinite(mean).all() else mean
            for batch, mean in means
        )

    def _distance(self, batches):
        """Returns the distance of generated images; NaN once the model has diverged."""
        self.fid.reset()
        for images in batches:
            if not np.isfinite(images).all():
                return float("nan")
            self.fid.update(images)
        return float(self.fid.result())

    def _first(self):
        """Returns the first stage, None if it is not known."""
        return first_stage_of(self.model) or self.first_stage

    def _summary(self):
        figures = {name: value for name, value in self._figures.items() if name != "fid_seconds"}
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        return f" {shown} ({self.num_samples:,} images, {self._figures['fid_seconds']:.1f} s)"


def _decoded(first_stage, latents):
    """Yields images of latent vectors, or the latent vectors where they are not finite."""
    for z in latents:
        yield first_stage.decode(z) if np.isfinite(z).all() else z


def _check_counts(reference, num_samples):
    if num_samples < 2 or reference.num_samples in (0, 1):
        raise ValueError(
            "`num_samples` and the images of `reference` must be 2 at least. "
            f"Received: num_samples={num_samples}, {reference.num_samples} real images"
        )
