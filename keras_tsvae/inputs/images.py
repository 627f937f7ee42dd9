"""The door through which all images come: what they may be given as, and what is refused.

Images are uint8 in [0, 255] or floats in [0, 1]: an array (a list, or anything that turns into
one), a `keras_tsvae.data.Split`, a `tf.data.Dataset` or `keras.utils.PyDataset` of batches, what
yields batches as often as it is asked to and has a length, such as a `torch.utils.data.DataLoader`
or a list of batches, or a folder of pictures of one shape. Labels may come with them.
"""

import dataclasses
import os
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.types import ImageShape, ImagesLike, PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.picture_folder import picture_batches
from keras_tsvae.data.split import Split
from keras_tsvae.inputs import checks
from keras_tsvae.inputs.iterable_batches import IterableBatches, first_batch
from keras_tsvae.inputs.pairs import paired_condition, second_of


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Images in one of three forms, with the name of the argument that they were given as.

    Args:
        name: What messages call them.
        data: A checked array, a `tf.data.Dataset` or a `keras.utils.PyDataset`.
        labels: What came beside an array, as it came, or None.
        looked_at: Not empty once images were looked at, to warn of black ones only once; shared by
            all that is made of them.
    """

    name: str
    data: Any
    labels: Any = None
    looked_at: list[bool] = dataclasses.field(default_factory=list)

    @property
    def is_array(self) -> bool:
        """Whether images are an array; they come in batches of their own otherwise."""
        return isinstance(self.data, np.ndarray)

    @property
    def is_stream(self) -> bool:
        """Whether images are a `tf.data.Dataset`, which can be read only from its start."""
        return is_tf_dataset(self.data)

    @property
    def shape(self) -> ImageShape | None:
        """`(height, width, channels)`; None of a `tf.data.Dataset` that does not say it."""
        if self.is_array:
            return self.data.shape[1:]
        if self.is_stream:
            known = self.element_shape()
            return None if known is None or None in known else known
        return np.shape(checks.check_array(self.first_of(self.element()), self.name))[1:]

    def element(self) -> Any:
        """Returns the first batch of a data set, or what a `tf.data.Dataset` says of its batches.

        Nothing is lost by it.
        """
        return self.data.element_spec if self.is_stream else first_batch(self.data)

    def element_shape(self) -> tuple[Any, ...] | None:
        """Returns the image shape a `tf.data.Dataset` names, with None for sides that it does not.

        None where it does not even name the rank.
        """
        spec = self.first_of(self.data.element_spec)
        if not hasattr(spec, "dtype") or not hasattr(spec, "shape"):
            raise ValueError(
                f"`{self.name}` must yield batches of images as tensors. Received: {spec}"
            )
        checks.check_rank_and_dtype(
            spec.shape.rank, spec.shape, spec.dtype.name, self.name, stream=True
        )
        return None if spec.shape.rank is None else tuple(spec.shape[1:])

    def check_shape(self, image_shape: ImageShape) -> None:
        """Raises a `ValueError` if it can be seen now that images are not of `image_shape`."""
        known = self.element_shape() if self.is_stream else self.shape
        if known is not None and any(
            side not in (None, right) for side, right in zip(known, image_shape)
        ):
            checks.check_shape(known, image_shape, self.name)

    def require_finite(self) -> None:
        """Raises a `ValueError` if images are a `tf.data.Dataset` known never to end."""
        if self.is_stream and int(self.data.cardinality()) == -1:
            raise ValueError(
                f"`{self.name}` must be finite. Received: a tf.data.Dataset that never ends"
            )

    def first_of(self, element: Any) -> Any:
        """Returns the images of a batch, which may be a pair of images and labels."""
        if isinstance(element, dict) or (isinstance(element, (tuple, list)) and len(element) > 2):
            raise ValueError(
                f"`{self.name}` must yield images, or pairs of images and labels, without "
                f"`sample_weight`. Received: a {type(element).__name__} of {len(element)}"
            )
        return element[0] if isinstance(element, (tuple, list)) else element

    def checked(
        self, batch: Any, image_shape: ImageShape | None = None, condition_dim: int | None = None
    ) -> tuple[np.ndarray, ...]:
        """Returns a batch as a tuple of checked arrays, images and, if wanted, conditions."""
        images = checks.check_array(self.first_of(batch), self.name)
        if image_shape is not None:
            checks.check_shape(images.shape[1:], image_shape, self.name)
        self.warn_if_dark(images)
        if condition_dim is None:
            return (images,)
        condition = second_of(batch, self.name)
        return images, paired_condition(condition, len(images), condition_dim, self.name)

    def warn_if_dark(self, images: np.ndarray) -> None:
        """Warns if the images that are read first are all but black."""
        if self.looked_at:
            return
        self.looked_at.append(True)
        checks.warn_if_dark(images, self.name)


def as_images(x: ImagesLike, name: str = "x") -> Images:
    """Returns `Images` of anything that holds images.

    Args:
        x: Images in any of the forms above, alone or as a pair of images and labels, or `Images`.
        name: The argument that messages name. Defaults to `"x"`.

    Raises:
        ValueError: If `x` is none of that, or is empty, or what can be seen of it without reading
            it is not as described.
    """
    if isinstance(x, Images):
        return x
    x, labels = _images_and_labels(x, name)
    if isinstance(x, Images):
        return dataclasses.replace(x, labels=labels)
    if isinstance(x, Split):
        _require_no_labels(labels, x)
        labels, x = x.labels, x.images
    elif isinstance(x, (str, os.PathLike)):
        x = _folder(x, name)
    elif _yields_batches(x):
        x = IterableBatches(x, name)
    if is_tf_dataset(x) or isinstance(x, keras.utils.PyDataset):
        _require_batches(x, name)
        return Images(name, x, labels)
    if not (isinstance(x, list) or hasattr(x, "__array__")):
        raise ValueError(_refusal(x, name))
    images = Images(name, checks.check_array(x, name), labels)
    images.warn_if_dark(images.data)
    return images


def is_tf_dataset(x: Any) -> bool:
    """Whether `x` is a `tf.data.Dataset`."""
    return hasattr(x, "element_spec") and hasattr(x, "as_numpy_iterator")


def _images_and_labels(x: Any, name: str) -> tuple[Any, Any]:
    """Returns both parts of a pair; `(x, None)` of anything else."""
    if isinstance(x, tuple):
        if len(x) not in (1, 2):
            raise ValueError(
                f"`{name}` must be images, or a pair of images and labels, without "
                f"`sample_weight`; data sets yield pairs of images and labels. "
                f"Received: a tuple of {len(x)}"
            )
        return (*x, None)[:2]
    if isinstance(x, list) and len(x) == 2 and _rank(x[0]) == 4 and _rank(x[1]) != 4:
        return tuple(x)
    return x, None


def _yields_batches(x: Any) -> bool:
    """Whether `x`, no data set of TensorFlow or Keras, is read batch by batch, again and again."""
    if isinstance(x, list):
        first: Any = x[0] if x else None
        pair = isinstance(first, (tuple, list)) and 0 < len(first) <= 2
        return _rank(first) == 4 or (pair and _rank(first[0]) == 4)
    known = is_tf_dataset(x) or isinstance(x, (keras.utils.PyDataset, dict, set, bytes))
    if known or hasattr(x, "__array__") or not hasattr(type(x), "__iter__"):
        return False
    if hasattr(x, "__next__") or hasattr(x, "element_spec"):
        return False
    try:
        return len(x) > 0
    except (TypeError, ValueError):  # no length, or one that is not known
        return False


def _rank(x: Any) -> int:
    """Returns the number of axes of `x`, 0 of what is no array."""
    try:
        return np.ndim(x)
    except ValueError:  # of rows that differ
        return 0


def _require_batches(x: Any, name: str) -> None:
    """Raises a `ValueError` if a data set has no batch, or no length."""
    if is_tf_dataset(x):
        if int(x.cardinality()) == 0:
            raise ValueError(
                f"`{name}` must not be empty. Received: a tf.data.Dataset with no batch"
            )
    elif not x.num_batches:
        raise ValueError(
            f"`{name}` must have a length of at least one batch. "
            f"Received: a {type(x).__name__} with num_batches={x.num_batches}"
        )


def _require_no_labels(labels: Any, split: Split) -> None:
    if labels is not None:
        raise ValueError(
            "`y` must not be given with a Split, which holds its labels. "
            f"Received: type(y)={type(labels).__name__} with {split}"
        )


def _folder(path: PathLike, name: str) -> np.ndarray:
    """Returns the pictures of a folder, all of one shape, as an array."""
    path = os.path.expanduser(path)
    if not os.path.isdir(path):
        raise ValueError(
            f"`{name}` must be an array of images, a data set, or the path of a folder of pictures "
            f"that exists. Received: type({name})=str, {path!r}"
        )
    batches = list(picture_batches(path, name))
    shapes = sorted({batch.shape[1:] for batch in batches})
    if len(shapes) > 1:
        raise ValueError(
            f"`{name}` must be a folder of pictures of one shape (`keras_tsvae.data.load("
            "'image_folder', folder, image_size=...)` cuts them to one). "
            f"Received: shapes {shapes[:2]} in {path!r}"
        )
    return np.concatenate(batches)


def _refusal(x: Any, name: str) -> str:
    """Returns why `x` is not taken for images, and what to do."""
    received = f"Received: type({name})={type(x).__name__}"
    if isinstance(x, ImageData):
        return f"`{name}` must be one part of a data set: its `train`, say. {received}"
    if hasattr(x, "element_spec"):
        return (
            f"`{name}` must be a tf.data.Dataset that is not distributed yet: a model made in a "
            f"strategy's scope distributes it. {received}"
        )
    hint = ""
    if hasattr(x, "__next__") or (hasattr(type(x), "__iter__") and not isinstance(x, (dict, set))):
        hint = "Make a generator a PyDataset, or wrap the function that makes it in "
        hint += "tf.data.Dataset.from_generator. "
    return (
        f"`{name}` must be an array of images, or others that can be read more than once: a Split, "
        "a tf.data.Dataset or keras.utils.PyDataset of batches, a DataLoader of known length or a "
        f"folder of pictures. {hint}{received}"
    )
