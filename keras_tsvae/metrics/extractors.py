"""What turns images into features: ours, or any Keras model or function of a user's."""

import contextlib
import typing
from collections.abc import Callable, Sequence

import keras
import numpy as np

from keras_tsvae.arrays.types import ImageShape
from keras_tsvae.backend import compile_function
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.feature_statistics import check_features
from keras_tsvae.metrics.inception.features import InceptionV3Features
from keras_tsvae.metrics.inception.network import DIMENSIONS
from keras_tsvae.metrics.protocols import with_channels
from keras_tsvae.saving.digests import weights_digest


class FunctionFeatures:
    """Features by a function of images, which sees values in [0, 255] under every protocol.

    Nothing is kept on the disk of such features, since nobody can tell when a function changes.

    Args:
        function: From images, uint8 or (under the protocol `"dai-wipf"`) float32 in [0, 255],
            `(n, height, width, channels)`, to features `(n, d)`.
        identity: What tells these features from others in results. Defaults to None: the
            function's name.
    """

    resize = "none"
    scale = 255.0  # of floats
    has_classes = False
    class_logits: Callable[[np.ndarray], np.ndarray]  # where it has classes
    cacheable = False
    converts_channels = False  # whether grey images and RGB ones come to the same
    image_shape: ImageShape | None = None  # of the images that it takes; None for any
    dimensions: int | None = None  # the width of the features; None if not known in advance

    def __init__(self, function: Callable[[np.ndarray], typing.Any], identity: str | None = None):
        self._function = function
        self.identity: str = identity or str(getattr(function, "__name__", type(function).__name__))

    @property
    def features_identity(self) -> str:
        """What tells the features alone from others, without the class logits made of them."""
        return self.identity

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns a float array `(n, d)` for images, uint8 or float in [0, 1]."""
        images = images if images.dtype == "uint8" else self.scale * images.astype("float32")
        features = check_features(keras.ops.convert_to_numpy(self._function(images)))
        if len(features) != len(images):
            raise ValueError(
                "`features` must return one row for each image. "
                f"Received: {len(features)} rows for {len(images)} images"
            )
        return features if features.dtype == "float64" else features.astype("float32")

    def __deepcopy__(self, memo: dict[int, typing.Any]) -> "FunctionFeatures":
        """Returns itself: copies of what uses an extractor share it."""
        return self


def _compiled(model):
    """Returns the compiled form of a model, made once: an evaluation in a loop makes none anew."""
    name = "_keras_tsvae_features"
    if name not in vars(model):
        function = compile_function(model, lambda images: model(images, training=False))
        object.__setattr__(model, name, function)
    return vars(model)[name]


class ModelFeatures(FunctionFeatures):
    """Features by a Keras model, run in compiled form; see `FunctionFeatures`.

    The model must not change while it is in use.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        super().__init__(_compiled(model), f"{type(model).__name__}-{weights_digest(model)}")

    def __reduce__(self) -> tuple[typing.Any, ...]:
        """Returns what copies and pickles are made from: the compiled form goes with the model."""
        return type(self), (self.model,)


class JudgeFeatures(ModelFeatures):
    """Features by a `ClassifierFeatures`, which takes images as they come.

    Grey images are repeated for a judge of RGB images; RGB images whose channels are equal are
    grey for one of grey images.
    """

    scale = 1.0
    converts_channels = True
    cacheable = True  # its weights and its precision say all

    image_shape: ImageShape
    model: ClassifierFeatures

    def __init__(self, model: ClassifierFeatures):
        super().__init__(model)
        if model.compute_dtype != "float32":
            self.identity += f"-{model.compute_dtype}"
        self.has_classes = model.has_classes
        self.image_shape = model.image_shape
        self.dimensions = model.dimensions
        self.class_logits = model.class_logits

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns a float32 array `(n, d)`, or raises for images of another shape."""
        with contextlib.suppress(ValueError):  # in colour: of another shape, then
            images = with_channels(images, self.image_shape[-1])
        check_takes(self, images.shape[1:])
        return super().__call__(images)


Extractor: typing.TypeAlias = InceptionV3Features | FunctionFeatures
FeaturesLike: typing.TypeAlias = (
    Extractor | ClassifierFeatures | keras.Model | Callable[[np.ndarray], typing.Any]
)


def as_extractor(features: FeaturesLike | None = None) -> Extractor:
    """Returns an object that turns images into features.

    It is called on images, uint8 or float in [0, 1], and returns a float32 array `(n, d)`; its
    `identity` and `resize` say what it is, `features_identity` what its features are. Where it
    knows classes, `class_logits(features)` returns their logits.

    Args:
        features: None for `InceptionV3Features()`, an `InceptionV3Features`, a `keras.Model`, or
            a function from images, with values in [0, 255], to `(n, d)`.

    Raises:
        ValueError: If `features` is none of these.
    """
    if features is None:
        return InceptionV3Features()
    if isinstance(features, (InceptionV3Features, FunctionFeatures)):
        return features
    if isinstance(features, ClassifierFeatures):
        return JudgeFeatures(features)
    if isinstance(features, keras.Model):
        return ModelFeatures(features)
    if callable(features):
        return FunctionFeatures(features)
    raise ValueError(
        "`features` must be None, an InceptionV3Features, a keras.Model or a function. "
        f"Received: type(features)={type(features).__name__}"
    )


def default_extractor(identity: str | None, dimensions: int | None = None) -> Extractor:
    """Returns `InceptionV3Features()` for features that may be its own.

    Args:
        identity: What the features are; None if it is not known.
        dimensions: Their width; None if it is not known. Defaults to None.

    Raises:
        ValueError: If they are plainly others; before any weights are downloaded.
    """
    others = identity is not None and not identity.startswith("inception-v3-")
    if others or dimensions not in (None, DIMENSIONS["2048"]):
        raise ValueError(
            "`features` must be given where features are not those of `InceptionV3Features()`, of "
            f"width {DIMENSIONS['2048']}. Received: features=None for "
            f"{identity or 'unknown features'!r} of width {dimensions or 'unknown'}"
        )
    return as_extractor(None)


def check_takes(extractor: Extractor, image_shape: Sequence[int]) -> None:
    """Raises a `ValueError` unless an extractor takes images of that shape, whatever they show."""
    known, image_shape = extractor.image_shape, tuple(image_shape)
    if known is not None and image_shape not in (known, (*known[:2], 1)):
        raise ValueError(
            f"`features` was trained on images of shape {extractor.image_shape} (height, width, "
            f"channels). Received: images of shape {image_shape}"
        )
