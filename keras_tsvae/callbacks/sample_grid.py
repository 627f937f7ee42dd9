"""Draws pictures of samples during training."""

import contextlib
import math
import typing

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.callbacks.periodic_callback import PeriodicCallback
from keras_tsvae.callbacks.stages import first_images, first_stage_of
from keras_tsvae.files import writable_folder, written_beside
from keras_tsvae.inputs.checks import check_shape
from keras_tsvae.models import FirstStageVAE


class SampleGrid(PeriodicCallback):
    """Writes a picture of samples, always from the same noise, at the end of an epoch.

    After the first epoch, after every `every`-th and after the last, as `FIDLogger` measures; none
    of a model that has diverged.

    While a first stage trains, its own samples, `z ~ N(0, I)`, go to
    `folder/stage1_epoch_0001.png` and so on, epochs counted from 1; while the second stage of a
    `TwoStageVAE` trains, samples through both, to `folder/stage2_epoch_0001.png`. With `images`,
    `folder/stage1_epoch_0001_reconstructions.png` shows them beside their reconstructions.

    Args:
        folder: Where pictures go; made at once if it does not exist. A picture takes the place of
            one of the same name.
        num_images: Positive int, samples per picture. Defaults to 64.
        every: Positive int, epochs from one picture to the next. Defaults to 1.
        seed: Non-negative int, what the noise is drawn from. Defaults to 0.
        images: Optional images to be reconstructed, in the forms that `FirstStageVAE.fit` takes,
            of which the first `num_images` are used. Defaults to None.
        log_dir: Optional folder of TensorBoard, which is then shown the same pictures, at the
            steps of Keras's `TensorBoard` callback: epochs counted from 0. Needs TensorFlow, on
            either backend. Defaults to None.

    Raises:
        ImportError: If `log_dir` is given and TensorFlow is not installed.
        ValueError: If an argument is not as described, or, when training begins, if `images` do
            not fit the model, its images have neither 1 nor 3 channels, or it is a
            second stage by itself, which knows no images.

    Example:
        >>> pictures = keras_tsvae.callbacks.SampleGrid("pictures", images=test_images)
        >>> model.fit(images, epochs=10, callbacks=[pictures])
    """

    def __init__(
        self,
        folder: PathLike,
        num_images: int = 64,
        every: int = 1,
        seed: int = 0,
        images: ImagesLike | None = None,
        log_dir: PathLike | None = None,
    ):
        super().__init__(every)
        self.num_images = positive_int("num_images", num_images)
        self.seed = non_negative_int("seed", seed)
        self.images = None if images is None else first_images("images", images, self.num_images)
        self.folder = writable_folder("folder", folder)
        self._board = None if log_dir is None else _Board(writable_folder("log_dir", log_dir))

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` unless the model can draw pictures, of the shape of `images`."""
        super().check_model(model)
        first = first_stage_of(model)
        if first is None:
            raise ValueError(
                "`model` must be a FirstStageVAE or a TwoStageVAE: a second stage alone has no "
                f"images to draw. Received: type(model)={type(model).__name__}"
            )
        channels = first.image_shape[-1]
        if channels not in (1, 3):
            raise ValueError(
                f"`model` must draw images of 1 or 3 channels. Received: {channels} channels"
            )
        if self.images is not None:
            check_shape(self.images.shape[1:], first.image_shape, "images")

    def look(self, epoch: int, stage: str, logs: dict[str, typing.Any]) -> dict[str, float]:
        """Writes the pictures, unless the model has diverged; adds nothing to the logs."""
        if np.isfinite(logs["loss"]):
            with contextlib.suppress(DivergedError):  # in the last step of an epoch
                self._draw(epoch, stage)
        return {}

    def _draw(self, epoch, stage):
        of_stage = {} if isinstance(self.model, FirstStageVAE) else {"stage": int(stage[-1])}
        samples = self.model.sample(self.num_images, seed=self.seed, **of_stage)
        self._write(_squarish(samples), stage, epoch)
        if stage == "stage1" and self.images is not None:
            pair = [_squarish(self.images), _squarish(self.model.reconstruct(self.images))]
            self._write(np.concatenate(pair, axis=1), stage, epoch, "_reconstructions")

    def _write(self, grid, stage, epoch, suffix=""):
        from PIL import Image

        pixels = np.round(255 * np.clip(grid, 0, 1)).astype("uint8")
        with written_beside(self.folder / f"{stage}_epoch_{epoch + 1:04}{suffix}.png") as partial:
            Image.fromarray(pixels).save(partial)
        if self._board is not None:
            self._board.write(f"{stage}{suffix}", pixels, epoch)


class _Board:
    """Pictures in a folder of TensorBoard."""

    def __init__(self, log_dir):
        try:
            import tensorflow
        except ImportError as error:
            raise ImportError(
                "`log_dir` needs TensorFlow, which writes what TensorBoard reads: "
                f"`pip install tensorflow`. Received: log_dir={str(log_dir)!r}"
            ) from error
        self._log_dir = log_dir
        self._summary = tensorflow.summary
        self._writer = self._summary.create_file_writer(str(log_dir))

    def write(self, name, pixels, step):
        """Writes one picture, `(height, width)` or `(height, width, channels)`, uint8."""
        with self._writer.as_default():
            batch = pixels.reshape(1, *pixels.shape[:2], -1)
            self._summary.image(name, batch, step=step)
        self._writer.flush()

    def __reduce__(self):
        """Returns what copies are made from: each writes a file of its own."""
        return type(self), (self._log_dir,)


def _squarish(images):
    return image_grid(images, columns=math.isqrt(len(images) - 1) + 1)
