"""One part of an image data set: to train on, to validate with or to test with."""

import dataclasses
import typing

import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.data.augmentation import Augment, augmentation
from keras_tsvae.data.rows import Rows

if typing.TYPE_CHECKING:
    import tensorflow as tf

_BATCHES_AHEAD = 2


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images and their labels.

    Args:
        images: uint8 array of shape `(n, height, width, channels)`, or such a `np.memmap`, whose
            rows `tf_dataset` reads from the file as they are needed.
        labels: Array of n rows: int64 class indices `(n,)`, or int8 attribute vectors of +1 and -1
            `(n, attributes)`.
        flip_in_training: Whether `tf_dataset` mirrors training images at random unless it is told
            otherwise. Defaults to False.

    Raises:
        ValueError: If `images` are not such images, or `labels` are not as many.

    Example:
        >>> split = keras_tsvae.data.load("digits").train
        >>> model.fit(split.images, batch_size=64)
        >>> model.fit(split.tf_dataset(64, training=True))  # the same, streamed
    """

    images: np.ndarray
    labels: np.ndarray
    flip_in_training: bool = False
    _rows: Rows = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if not (isinstance(images, np.ndarray) and images.dtype == "uint8" and images.ndim == 4):
            raise ValueError(
                "`images` must be a uint8 array of shape (n, height, width, channels). "
                f"Received: dtype={getattr(images, 'dtype', type(images).__name__)}, "
                f"shape={np.shape(images)}"
            )
        if np.ndim(labels) == 0 or len(labels) != len(images):
            raise ValueError(
                "`labels` must be as many as `images`. "
                f"Received: labels.shape={np.shape(labels)} for {len(images)} images"
            )
        object.__setattr__(self, "_rows", Rows(images))

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.images)

    def __repr__(self) -> str:
        """Returns a short description."""
        return f"Split(n={len(self)}, image_shape={self.images.shape[1:]})"

    def tf_dataset(
        self,
        batch_size: int = 64,
        training: bool = False,
        augment: Augment | None = None,
        seed: int | None = None,
    ) -> "tf.data.Dataset":
        """Returns a `tf.data.Dataset` of batches `(images, labels)`, the images uint8.

        Batches are read one after the other, two ahead of their use and no more. Its length and
        the shape of the images are known.

        Args:
            batch_size: Positive int. Defaults to 64.
            training: If True, every epoch has its own order of all images, and its last partial
                batch is dropped; if False, the order is kept and nothing is dropped. Defaults to
                False.
            augment: None (the set's default: a random horizontal flip of CelebA's training
                batches, nothing otherwise), False (nothing), True or `"flip"` (a random horizontal
                flip), or a callable from a batch of uint8 images to a batch. What a Keras layer
                returns is rounded to uint8, so it must keep the range [0, 255]. Defaults to None.
            seed: Int of at least 0 for the order and the flip, or None for one drawn from NumPy's
                global generator, which `keras.utils.set_random_seed` seeds. Defaults to None.

        Raises:
            ValueError: If the split is empty, or too small for one training batch, or an argument
                is not as described.
            ImportError: If TensorFlow is not installed.
        """
        batch_size = self._check_batch_size(batch_size, training)
        seed = np.random.randint(2**31 - 2) if seed is None else non_negative_int("seed", seed)
        augment = (training and self.flip_in_training) if augment is None else augment
        tf = _tensorflow()
        augment = augmentation(augment, seed)
        rng = np.random.default_rng(seed) if training else None
        dataset = tf.data.Dataset.from_generator(
            lambda: self._batches(batch_size, rng),
            output_signature=tuple(
                tf.TensorSpec((batch_size if training else None, *array.shape[1:]), array.dtype)
                for array in (self.images, self.labels)
            ),
        )
        count = len(self) // batch_size if training else -(-len(self) // batch_size)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
        if augment is not None:
            dataset = dataset.map(lambda images, labels: (augment(images), labels))
        return dataset.prefetch(_BATCHES_AHEAD)

    def _check_batch_size(self, batch_size, training):
        batch_size = positive_int("batch_size", batch_size)
        if not len(self):
            raise ValueError("The split must not be empty. Received: a split of 0 images")
        if training and len(self) < batch_size:
            raise ValueError(
                "`batch_size` must not exceed the number of images: training drops the last "
                f"partial batch. Received: batch_size={batch_size} for {len(self)} images"
            )
        return batch_size

    def _batches(self, batch_size, rng):
        """Yields an epoch's batches, shuffled by `rng`, or whole and in order without one."""
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        if rng is not None:
            order = order[: len(order) // batch_size * batch_size]
        with self._rows.reader() as read:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                yield read(rows), self.labels[rows]


def _tensorflow():
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError("`tf_dataset` needs TensorFlow: `pip install tensorflow`") from error
    return tf
