"""Draws pictures of samples during training."""

import math
import pathlib

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.callbacks.stages import (
    check_image_shape,
    first_images,
    first_stage_of,
    stage_in_training,
)
from keras_tsvae.files import written_beside
from keras_tsvae.grids import image_grid
from keras_tsvae.models import FirstStageVAE


class SampleGrid(keras.callbacks.Callback):
    """Writes a picture of samples, always from the same noise, at the end of an epoch.

    While a first stage trains, its own samples, `z ~ N(0, I)`, go to
    `folder/stage1_epoch_0001.png` and so on, epochs counted from 1; while the second stage of a
    `TwoStageVAE` trains, samples through both, to `folder/stage2_epoch_0001.png`. With `images`,
    `folder/stage1_epoch_0001_reconstructions.png` shows them beside their reconstructions.

    Args:
        folder: Where pictures go; made if it does not exist. A picture takes the place of one of
            the same name.
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
            `SecondStageVAE` by itself, which knows no images.

    Example:
        >>> pictures = keras_tsvae.callbacks.SampleGrid("pictures", images=test_images)
        >>> model.fit(images, epochs=10, callbacks=[pictures])
    """

    def __init__(self, folder, num_images=64, every=1, seed=0, images=None, log_dir=None):
        super().__init__()
        self.folder = pathlib.Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"`folder` must not be a file. Received: folder={str(folder)!r}")
        self.num_images = positive_int("num_images", num_images)
        self.every = positive_int("every", every)
        self.seed = non_negative_int("seed", seed)
        self.images = None if images is None else first_images("images", images, self.num_images)
        self._board = None if log_dir is None else _Board(log_dir)

    def on_train_begin(self, logs=None):
        """Checks that the model can draw pictures, and that `images` have their shape."""
        stage_in_training(self.model)
        if first_stage_of(self.model) is None:
            raise ValueError(
                "`model` must be a FirstStageVAE or a TwoStageVAE: a second stage alone has no "
                f"images to draw. Received: type(model)={type(self.model).__name__}"
            )
        channels = first_stage_of(self.model).image_shape[-1]
        if channels not in (1, 3):
            raise ValueError(
                f"`model` must draw images of 1 or 3 channels. Received: {channels} channels"
            )
        if self.images is not None:
            check_image_shape("images", self.images, self.model)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the pictures that are due, unless the loss shows that the model has diverged."""
        if (epoch + 1) % self.every or not np.isfinite(logs["loss"]):
            return
        stage = stage_in_training(self.model)
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
        self._summary = tensorflow.summary
        self._writer = self._summary.create_file_writer(str(log_dir))

    def write(self, name, pixels, step):
        """Writes one picture, `(height, width)` or `(height, width, channels)`, uint8."""
        with self._writer.as_default():
            batch = pixels.reshape(1, *pixels.shape[:2], -1)
            self._summary.image(name, batch, step=step)
        self._writer.flush()


def _squarish(images):
    return image_grid(images, columns=math.isqrt(len(images) - 1) + 1)
