"""Measures the Fréchet Inception distance during training."""

import time
import typing

import keras

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.callbacks.periodic_callback import PeriodicCallback
from keras_tsvae.callbacks.stages import first_stage_of
from keras_tsvae.metrics import FrechetInceptionDistance, ReferenceStatistics
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.sources import (
    batches_for,
    check_channels,
    first_or_random,
    is_npz,
    require_rereadable,
)
from keras_tsvae.models import FirstStageVAE, SecondStage


class FIDLogger(PeriodicCallback):
    """Adds Fréchet Inception distances to the logs of an epoch.

    While a first stage trains, `val_fid_reconstruction` of reconstructed images and
    `val_fid_stage1` of samples `z ~ N(0, I)`; while a second stage trains, `val_fid_stage2` of its
    samples; and `fid_seconds`, how long that took. Noise is the same every time. Callbacks listed
    after this one see them, such as `ModelCheckpoint`, `EarlyStopping`, `CSVLogger` or
    `TensorBoard`, and so does the History.

    They are measured after the first epoch, after every `every`-th and after the last: that which
    `fit` was asked for, or in which a callback listed before stops the training. The cost of each
    time is that of `num_samples` images, drawn and turned into features, once in the second stage
    and twice in the first. Epochs in between have no figures: the History holds one for each time,
    a `CSVLogger` writes "NA", and callbacks listed after this one that watch a figure, or write it
    into the name of a file, wait for the next. So `patience` counts measurements, not epochs.

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
        first_stage: The trained `FirstStageVAE` that decodes, where a second stage is fitted
            by hand. Defaults to None.
        seed: Non-negative int of the noise. Defaults to 0.
        verbose: 1 to print the figures with their cost, 0 not to. Defaults to 1.

    Raises:
        ValueError: If an argument is not as described, or, when training begins, if the images
            are not of the model's shape: grey images may be stored as RGB, and the other way.

    Example:
        >>> fid = keras_tsvae.callbacks.FIDLogger(data.test, every=10)
        >>> best = keras.callbacks.ModelCheckpoint(
        ...     "best.keras", monitor="val_fid_stage2", mode="min", save_best_only=True
        ... )
        >>> model.fit(images, epochs=100, callbacks=[fid], second_stage_callbacks=[fid, best])
    """

    def __init__(
        self,
        reference: ReferenceStatistics | PathLike | ImagesLike,
        features: FeaturesLike | None = None,
        num_samples: int = 2048,
        every: int = 1,
        protocol: str = "standard",
        first_stage: FirstStageVAE | None = None,
        seed: int = 0,
        verbose: int = 1,
    ):
        super().__init__(every)
        self.num_samples = positive_int("num_samples", num_samples)
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
        self.extractor = self.fid.extractor
        self.fid.check_counts(self.num_samples)
        if self.fid.reference.image_shape is not None:
            self.fid.check_image_shape((*self.fid.reference.image_shape[:2], 1))
        self.images = None
        if not is_statistics:
            if self.fid.reference.image_shape is None:
                raise ValueError(
                    "`reference` must hold images of one shape, that of the model's, to be "
                    "reconstructed; otherwise pass their ReferenceStatistics. "
                    "Received: images of several shapes"
                )
            self.images, _ = first_or_random(reference, self.num_samples)

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` unless the model's images can be held against the reference."""
        super().check_model(model)
        first = first_stage_of(model)
        if first is None:
            first = _check_decodes(self.first_stage, model)
        self.fid.check_image_shape(first.image_shape)
        shape = self.fid.reference.image_shape
        if self.images is not None and shape is not None:
            check_channels(first, self.images, self.num_samples, "reference", shape[-1])

    def look(self, epoch: int, stage: str, logs: dict[str, typing.Any]) -> dict[str, float]:
        """Measures the distances."""
        start = time.perf_counter()
        figures = {f"val_fid_{stage}": self._distance(self._samples(stage))}
        if stage == "stage1" and self.images is not None:
            figures["val_fid_reconstruction"] = self._distance(self._reconstructions())
        seconds = time.perf_counter() - start
        if self.verbose:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            print(f" {shown} ({self.num_samples:,} images, {seconds:.1f} s)")
        return {**figures, "fid_seconds": seconds}

    def _samples(self, stage):
        """Returns batches of samples of the stage in training."""
        latents = {"n": self.num_samples, "seed": self.seed}
        if isinstance(self.model, FirstStageVAE):
            return self.model.sample_batches(**latents)
        if isinstance(self.model, SecondStage) and self.first_stage is not None:
            return map(self.first_stage.decode, self.model.sample_batches(**latents))
        return self.model.sample_batches(**latents, stage=int(stage[-1]))

    def _reconstructions(self):
        """Returns batches of reconstructions, a conditional model's under inferred conditions."""
        first = first_stage_of(self.model)
        images = batches_for(first, self.images, self.num_samples, "reference")
        return map(self.model.reconstruct, images)

    def _distance(self, batches):
        """Returns the distance of generated images; NaN once the model has diverged."""
        self.fid.reset()
        try:
            for images in batches:
                self.fid.update(images)
        except DivergedError:
            return float("nan")
        return float(self.fid.result())

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        """Takes up what a pickle holds, where metrics are without their extractor."""
        self.__dict__.update(state)
        fid = self.fid
        self.fid = FrechetInceptionDistance(fid.reference, self.extractor, fid.protocol)


def _check_decodes(first_stage, second_stage):
    """Returns `first_stage` if it decodes latent vectors of `second_stage`, or raises."""
    if first_stage is None:
        raise ValueError(
            "`first_stage` must be given where a second stage is fitted by hand: it has no "
            "images. Received: first_stage=None"
        )
    first_stage.require_built("used for decoding")
    fits = first_stage.latent_dim == second_stage.latent_dim
    if not fits or first_stage.condition_dim is not None:
        raise ValueError(
            "`first_stage` must be without conditions, and of the latent width of the stage that "
            f"is fitted. Received: latent_dim={first_stage.latent_dim}, "
            f"condition_dim={first_stage.condition_dim}"
        )
    return first_stage
