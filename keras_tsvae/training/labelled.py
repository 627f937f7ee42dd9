"""Images with their labels, coded as conditions on the way to a conditioned model."""

import functools
import math

import keras
import numpy as np

from keras_tsvae.batching import ArrayBatches
from keras_tsvae.conditions.requests import called
from keras_tsvae.training import inputs
from keras_tsvae.training.transformed_batches import TransformedBatches

FEWEST_TO_SPLIT = 400  # images
HELD_OUT = 0.1


class LabelledImages:
    """Pairs of images and labels in any of a fit's forms, whose labels are turned into codes.

    Args:
        x: Images as an array, or a `tf.data.Dataset` or `keras.utils.PyDataset` of pairs of images
            and labels.
        y: Labels of an array of images.
        encode: Function from a batch of labels to coded conditions; it checks them.
        image_shape: `(height, width, channels)`.
        size: Int, the width of a code.

    Raises:
        ValueError: If there are no labels, or, of arrays, as many as images.
    """

    def __init__(self, x, y, encode, image_shape, size):
        if y is None and isinstance(x, (tuple, list)) and len(x) == 2:
            x, y = x
        self.is_batched = inputs.is_batched(x)
        if y is None and not self.is_batched:
            raise ValueError(
                "`y` must hold the condition of each image: the model is conditional. "
                "Received: images alone"
            )
        self.x, self.image_shape, self.size = x, image_shape, size
        if self.is_batched:
            _check_stream(x, y)
        else:
            with called("y"):
                self.codes = encode(y)
            if len(self.codes) != len(x):
                raise ValueError(
                    "`y` must hold one condition for each image. "
                    f"Received: {len(self.codes)} for {len(x)} images"
                )
        self.steps = [lambda images, labels: encode(labels)]

    def corrected(self, correct):
        """Returns the same with codes that `correct(images, codes)` returns in place of these."""
        other = LabelledImages.__new__(LabelledImages)
        other.__dict__.update(self.__dict__)
        if self.is_batched:
            other.steps = [*self.steps, correct]
        else:
            starts = range(0, len(self.x), 1024)
            parts = (slice(start, start + 1024) for start in starts)
            codes = [correct(np.asarray(self.x[rows]), self.codes[rows]) for rows in parts]
            other.codes = np.concatenate(codes).astype("float32")
        return other

    def data(self):
        """Returns images and codes, in the form in which a conditioned stage takes them."""
        if not self.is_batched:
            return self.x, self.codes
        if isinstance(self.x, keras.utils.PyDataset):
            # In threads alone: coding may compute on the device, which forked processes cannot.
            return TransformedBatches(self.x, self._coded, use_multiprocessing=False)
        return self._coded_tf()

    def drawn(self, n):
        """Yields images and codes of n arrays' rows drawn at random, or of the first of streams."""
        if self.is_batched or n >= len(self.x):
            yield from self.batches(n)
            return
        rows = np.sort(np.random.default_rng(0).permutation(len(self.x))[:n])
        batches = ArrayBatches((self.x, self.codes), 256, training=False, rows=rows)
        yield from (batches[index] for index in range(len(batches)))

    def batches(self, n):
        """Yields images and codes batch by batch, until there are n."""
        data, count = self.data(), 0
        for images, codes in inputs.example_batches(data, 256, self.image_shape, self.size):
            yield images, codes
            count += len(images)
            if count >= n:
                break

    def split(self, batch_size):
        """Returns what to train on, batches in it and, of arrays large enough, images held out."""
        checked = functools.partial(
            inputs.images_for_fit, image_shape=self.image_shape, condition_dim=self.size
        )
        if self.is_batched:
            return checked(self.data(), None), self.num_batches, None
        arrays = checked(self.data(), batch_size).arrays
        if len(self.x) < max(FEWEST_TO_SPLIT, batch_size + 1):
            batches = ArrayBatches(arrays, batch_size, training=True)
            return batches, len(batches), None
        order = np.random.default_rng(0).permutation(len(self.x))
        cut = min(int(HELD_OUT * len(order)), len(order) - batch_size)
        batches = ArrayBatches(arrays, batch_size, training=True, rows=order[cut:])
        held_out = ArrayBatches(arrays, batch_size, training=False, rows=np.sort(order[:cut]))
        return batches, len(batches), held_out

    def all_codes(self):
        """Yields all codes batch by batch; of streams, all images are read once, and counted."""
        if not self.is_batched:
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

        return self.x.map(code)


def yields_labels(x):
    """Whether `x` comes in batches of its own, pairs of images and labels."""
    if not inputs.is_batched(x):
        return False
    element = getattr(x, "element_spec", None) or x[0]
    return isinstance(element, (tuple, list)) and len(element) == 2


def _check_stream(x, y):
    """Raises unless a data set comes with its labels, and these alone."""
    if y is not None:
        raise ValueError(
            "`y` must not be given with a data set, which yields pairs of images and conditions. "
            f"Received: type(y)={type(y).__name__}"
        )
    if not yields_labels(x):
        element = getattr(x, "element_spec", None) or x[0]
        raise ValueError(
            "`x` must yield pairs of images and conditions: the model is conditional. "
            f"Received: a data set of {type(element).__name__}"
        )
