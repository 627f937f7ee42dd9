"""Features of a small classifier, trained on the spot: a judge that needs no download."""

import typing

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.pixels import unit_floats
from keras_tsvae.arrays.types import ArrayLike, ImageShape, ImagesLike, Tensor
from keras_tsvae.backend import Inference, resolve_jit
from keras_tsvae.inputs.batches import gathered
from keras_tsvae.inputs.labelled import labelled_arrays
from keras_tsvae.metrics.labels import check_attribute_labels
from keras_tsvae.metrics.protocols import check_images
from keras_tsvae.networks.convolutional_trunk import convolutional_trunk
from keras_tsvae.saving.exportable import Exportable
from keras_tsvae.saving.preset_folders import PresetFolders
from keras_tsvae.saving.trainability import (
    from_arguments,
    set_trainability,
    with_trainability,
)
from keras_tsvae.saving.whole_weights import WholeWeights

_IMAGES_SEEN = 60_000  # in a training of default length, within these bounds of epochs
_EPOCHS = (1, 30)
_CLASSES = 10_000  # at the most


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ClassifierFeatures(Exportable, PresetFolders, WholeWeights, Inference, keras.Model):
    """The last hidden layer of a small convolutional classifier, and its class logits.

    For a Fréchet distance on features that fit the images, such as digits, without Inception's
    weights. Figures of one trained classifier can be compared with one another, not with those of
    another one: save it like any Keras model and load it again.

    Convolutions 3x3 with batch normalisation and relu: 16 wide at full size, then of stride 2 and
    twice as wide each, up to 64, until no side is longer than 8; a dense layer of `dimensions`
    units with relu; one logit for each class or attribute.

    Args:
        image_shape: `(height, width, channels)`.
        num_outputs: Positive int: classes or attributes.
        dimensions: Positive int, the width of the features. Defaults to 64.
        has_classes: True if an image has one class, False if any attribute may be there or not.
            Defaults to True.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> judge = keras_tsvae.metrics.ClassifierFeatures.fit(train_images, train_labels)
        >>> judge.save("judge.keras")
        >>> keras_tsvae.metrics.frechet_inception_distance(model, test_images, features=judge)
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_outputs: int,
        dimensions: int = 64,
        has_classes: bool = True,
        **kwargs: typing.Any,
    ):
        super().__init__(**kwargs)
        self.image_shape = check_image_shape(image_shape)
        self.num_outputs = positive_int("num_outputs", num_outputs)
        self.dimensions = positive_int("dimensions", dimensions)
        self.has_classes = bool(has_classes)
        self.trunk = convolutional_trunk(self.image_shape, self.dimensions, self.dtype_policy)
        self.head = keras.layers.Dense(self.num_outputs, dtype=self.dtype_policy, name="head")
        self.head.build((None, self.dimensions))
        self.built = True
        set_trainability(self, {})

    @classmethod
    def fit(
        cls,
        images: ImagesLike,
        labels: ArrayLike | None = None,
        epochs: int | None = None,
        batch_size: int = 128,
        verbose: int | str = 0,
        **kwargs: typing.Any,
    ) -> "ClassifierFeatures":
        """Trains a new classifier on real images; a minute or two for MNIST on two CPU cores.

        `keras.utils.set_random_seed` makes it repeatable on one backend.

        Args:
            images: Images in the forms that `FirstStageVAE.fit` takes.
            labels: Class indices, integers `(n,)` or `(n, 1)`; or attributes `(n, attributes)` of
                +1 and -1, or of 1 and 0, known by the order of their columns. What may be either
                is refused: rows of 0 and 1 that all hold a single 1, as one-hot classes do.
                Defaults to None: those that come with the images.
            epochs: Positive int. Defaults to None: as many as show it 60,000 images, at least 1
                and at most 30.
            batch_size: Positive int. Defaults to 128.
            verbose: As in `keras.Model.fit`. Defaults to 0.
            **kwargs: `dimensions`, `name` and `dtype` of the constructor.

        Returns:
            A trained `ClassifierFeatures`.

        Raises:
            ValueError: If an argument is not as described.
        """
        if labels is None:
            images, labels = labelled_arrays(images, "images")
        images = check_images(gathered(images))
        labels, num_outputs = _check_labels(labels, len(images))
        if epochs is None:
            epochs = int(np.clip(_IMAGES_SEEN // len(images), *_EPOCHS))
        batch_size = min(positive_int("batch_size", batch_size), len(images))
        batches = ArrayBatches((images, labels), batch_size, training=True)
        model = cls(images.shape[1:], num_outputs, has_classes=labels.ndim == 1, **kwargs)
        model._train(batches, positive_int("epochs", epochs), verbose)
        return model

    @property
    def input_shapes(self) -> ImageShape:
        """`image_shape`."""
        return self.image_shape

    def call(self, images: Tensor, training: bool | None = None) -> Tensor:
        """Returns features `(n, dimensions)` of images, uint8 or float in [0, 1]."""
        features = self.trunk(unit_floats(images, self.compute_dtype), training=training)
        return ops.cast(features, "float32")

    def class_logits(self, features: ArrayLike) -> np.ndarray:
        """Returns logits `(n, num_outputs)` of features, as a NumPy array."""
        kernel, bias = (ops.convert_to_numpy(weight) for weight in self.head.weights)
        return np.asarray(features, "float32") @ kernel + bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `(n, dimensions)`."""
        return (input_shape[0], self.dimensions)

    def get_config(self) -> dict[str, typing.Any]:
        """Returns the constructor's arguments."""
        config = {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_outputs": self.num_outputs,
            "dimensions": self.dimensions,
            "has_classes": self.has_classes,
        }
        return with_trainability(config, self)

    @classmethod
    def from_config(
        cls,
        config: dict[str, typing.Any],
        custom_objects: dict[str, typing.Any] | None = None,
    ) -> "ClassifierFeatures":
        """Creates the network anew from `get_config()`."""
        return from_arguments(cls, config)

    def _train(self, batches, epochs, verbose):
        """Trains trunk and head as one classifier."""
        images = keras.Input(self.image_shape, dtype=batches.arrays[0].dtype.name)
        classifier = keras.Model(images, self.head(self(images)))
        kind = keras.losses.SparseCategoricalCrossentropy
        rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(batches))
        classifier.compile(
            keras.optimizers.Adam(rate),
            (kind if self.has_classes else keras.losses.BinaryCrossentropy)(from_logits=True),
            metrics=["accuracy" if self.has_classes else "binary_accuracy"],
            jit_compile=resolve_jit("auto"),
        )
        classifier.fit(batches, epochs=epochs, verbose=verbose)


def _check_labels(labels, n):
    """Returns class indices, or attributes as floats 0 and 1, and how many there are of them."""
    labels = np.asarray(labels)
    numbers = labels.dtype.kind in "iufb" and labels.ndim in (1, 2)
    if not numbers or len(labels) != n or 0 in labels.shape:
        raise ValueError(
            "`labels` must be numbers of shape (n,) or (n, attributes) for n images. "
            f"Received: labels of {labels.dtype}, shape {labels.shape}, for {n} images"
        )
    if labels.shape[1:] == (1,) and labels.dtype.kind in "iu" and labels.min() >= 0:
        labels = labels[:, 0]
    if labels.ndim == 1:
        if labels.dtype.kind not in "iu" or labels.min() < 0 or not 0 < labels.max() < _CLASSES:
            raise ValueError(
                f"`labels` of classes must be integers from 0 to {_CLASSES - 1}, of two classes "
                "at least. "
                f"Received: dtype={labels.dtype}, min={labels.min()}, max={labels.max()}"
            )
        return labels.astype("int32"), int(labels.max()) + 1
    attributes = check_attribute_labels("labels", labels)
    one_column = labels.shape[1] == 1 and labels.dtype.kind == "f"
    if labels.min() >= 0 and (one_column or (attributes.sum(1) == 1).all()):
        raise ValueError(
            "`labels` must be class indices, as `labels.argmax(axis=1)` makes of one-hot rows, or "
            "attributes of +1 and -1 where 1 and 0 may be taken for classes. "
            f"Received: {labels.dtype} of shape {labels.shape}, at most one 1 in each row"
        )
    return attributes.astype("float32"), labels.shape[1]
