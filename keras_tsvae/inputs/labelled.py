"""Images with their labels, coded as conditions on the way to a conditioned model."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_tsvae.arguments import naming_argument
from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.types import Dataset, ImageShape, ImagesLike
from keras_tsvae.inputs.batches import example_batches, images_for_fit
from keras_tsvae.inputs.images import Images, as_images
from keras_tsvae.inputs.transformed_batches import TransformedBatches

FEWEST_TO_SPLIT = 400  # images
HELD_OUT = 0.1


class LabelledImages:
    """Pairs of images and labels in any of a fit's forms, whose labels are turned into codes.

    Args:
        x: Images with labels in any form of `as_images`.
        y: Labels of an array of images, where `x` has none.
        encode: Function from a batch of labels to coded conditions; it checks them.
        image_shape: `(height, width, channels)`.
        size: Int, the width of a code.
        name: The argument that messages name. Defaults to `"x"`.

    Raises:
        ValueError: If there are no labels, or, of arrays, as many as images, or what can be seen
            of the images without reading them does not fit.
    """

    def __init__(
        self,
        x: ImagesLike,
        y: Any,
        encode: Callable[[Any], np.ndarray],
        image_shape: ImageShape,
        size: int,
        name: str = "x",
    ) -> None:
        images = as_images(x, name)
        self.images, self.image_shape, self.size = images, image_shape, size
        images.check_shape(image_shape)
        if images.is_array:
            self.codes = self._encoded(y, encode)
        else:
            _check_stream(images, y)
        self.steps = [lambda images, labels: encode(labels)]

    def _encoded(self, y: Any, encode: Callable[[Any], np.ndarray]) -> np.ndarray:
        """Returns the codes of an array's labels."""
        images, labels = self.images, self.images.labels
        if y is not None and labels is not None:
            raise ValueError(
                f"`y` must not be given where `{images.name}` holds images and labels. "
                f"Received: type(y)={type(y).__name__}"
            )
        # Messages name the argument that holds the labels.
        name = "y" if images.name == "x" else images.name
        labels = y if labels is None else labels
        if labels is None:
            raise ValueError(
                f"`{name}` must hold the condition of each image: the model is conditional. "
                "Received: images alone"
            )
        with naming_argument(name):
            codes = encode(labels)
        if len(codes) != len(images.data):
            raise ValueError(
                f"`{name}` must hold one condition for each image. "
                f"Received: {len(codes)} for {len(images.data)} images"
            )
        return codes

    def corrected(
        self, correct: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> "LabelledImages":
        """Returns the same with codes that `correct(images, codes)` returns in place of these."""
        other = LabelledImages.__new__(LabelledImages)
        other.__dict__.update(self.__dict__)
        if not self.images.is_array:
            other.steps = [*self.steps, correct]
        else:
            x = self.images.data
            parts = (slice(start, start + 1024) for start in range(0, len(x), 1024))
            codes = [correct(x[rows], self.codes[rows]) for rows in parts]
            other.codes = np.concatenate(codes).astype("float32")
        return other

    def data(self) -> Images:
        """Returns images and codes, as `Images` that a conditioned stage takes."""
        if self.images.is_array:
            return dataclasses.replace(self.images, labels=self.codes)
        if self.images.is_stream:
            return dataclasses.replace(self.images, data=self._coded_tf())
        # In threads alone: coding may compute on the device, which forked processes cannot.
        data = TransformedBatches(self.images.data, self._coded, use_multiprocessing=False)
        return dataclasses.replace(self.images, data=data)

    def drawn(self, n: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields images and codes of n arrays' rows drawn at random, or of the first of streams."""
        x = self.images.data
        if not self.images.is_array or n >= len(x):
            yield from self.batches(n)
            return
        rows = np.sort(np.random.default_rng(0).permutation(len(x))[:n])
        batches = ArrayBatches((x, self.codes), 256, training=False, rows=rows)
        yield from (batches[index] for index in range(len(batches)))

    def batches(self, n: float) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields images and codes batch by batch, until there are n."""
        data, count = self.data(), 0
        for images, codes in example_batches(data, 256, self.image_shape, self.size):
            yield images, codes
            count += len(images)
            if count >= n:
                break

    def split(self, batch_size: int) -> tuple[Dataset, int, ArrayBatches | None]:
        """Returns what to train on, batches in it and, of arrays large enough, images held out."""
        checked = functools.partial(
            images_for_fit, image_shape=self.image_shape, condition_dim=self.size
        )
        if not self.images.is_array:
            return checked(self.data(), None), self.num_batches, None
        arrays = checked(self.data(), batch_size).arrays
        if len(arrays[0]) < max(FEWEST_TO_SPLIT, batch_size + 1):
            batches = ArrayBatches(arrays, batch_size, training=True)
            return batches, len(batches), None
        order = np.random.default_rng(0).permutation(len(arrays[0]))
        cut = min(int(HELD_OUT * len(order)), len(order) - batch_size)
        batches = ArrayBatches(arrays, batch_size, training=True, rows=order[cut:])
        held_out = ArrayBatches(arrays, batch_size, training=False, rows=np.sort(order[:cut]))
        return batches, len(batches), held_out

    def all_codes(self) -> Iterator[np.ndarray]:
        """Yields all codes batch by batch; of streams, all images are read once, and counted."""
        if self.images.is_array:
            yield self.codes
            return
        self.num_batches = 0
        for _, codes in self.batches(math.inf):
            self.num_batches += 1
            yield codes

    def _code(self, images, labels):
        for step in self.steps:
            labels = step(images, labels)
        return np.asarray(labels, "float32")

    def _coded(self, batch):
        images, labels = batch
        return images, self._code(np.asarray(images), labels)

    def _coded_tf(self):
        import tensorflow as tf

        def code(images, labels):
            codes = tf.numpy_function(self._code, [images, labels], tf.float32)
            return images, tf.ensure_shape(codes, (None, self.size))

        return self.images.data.map(code)


def labelled_arrays(x: ImagesLike, name: str = "x") -> tuple[np.ndarray, Any]:
    """Returns images and labels, in any form of `as_images`, as a checked array and its labels.

    Raises:
        ValueError: If they are no images, or have no labels.
    """
    images = as_images(x, name)
    if not yields_labels(images):
        raise ValueError(
            f"`{name}` must be a Split or a pair (images, labels), or a data set of pairs. "
            f"Received: {type(x).__name__} without labels"
        )
    if images.is_array:
        return images.data, images.labels
    images.require_finite()
    data = images.data
    if images.is_stream:
        batches = data.as_numpy_iterator()
    else:
        batches = map(data.__getitem__, range(data.num_batches))
    parts = [(*images.checked(batch), batch[1]) for batch in batches]
    arrays, labels = (np.concatenate(part) for part in zip(*parts))
    return arrays, labels


def yields_labels(images: Images) -> bool:
    """Whether `Images` come with labels of their own."""
    if images.is_array:
        return images.labels is not None
    element = images.element()
    return isinstance(element, (tuple, list)) and len(element) == 2


def _check_stream(images: Images, y: Any) -> None:
    """Raises unless a data set comes with its labels, and these alone."""
    if y is not None or images.labels is not None:
        given = images.labels if y is None else y
        raise ValueError(
            "`y` must not be given with a data set, which yields pairs of images and conditions. "
            f"Received: type(y)={type(given).__name__}"
        )
    if not yields_labels(images):
        raise ValueError(
            f"`{images.name}` must yield pairs of images and conditions: the model is conditional. "
            f"Received: a data set of {type(images.element()).__name__}"
        )
