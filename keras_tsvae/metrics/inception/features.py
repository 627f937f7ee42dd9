"""Features of images, by the Inception network of 2015."""

import hashlib
import typing

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.inference import batched, collect
from keras_tsvae.arrays.types import ArrayLike, PathLike
from keras_tsvae.arrays.vectors import check_vectors
from keras_tsvae.backend import compile_function
from keras_tsvae.data.picture_folder import batch_rows
from keras_tsvae.metrics.inception.network import CLASSES, DIMENSIONS, SIZE, inception_network
from keras_tsvae.metrics.inception.tf1_bilinear_resize import TF1BilinearResize
from keras_tsvae.metrics.inception.weights import load_weights
from keras_tsvae.metrics.protocols import check_images


class InceptionV3Features:
    """Features of images, as the Fréchet Inception distance is defined on them.

    Images of any size are resized to 299x299 pixels with the bilinear resize of TensorFlow 1,
    grey ones become three equal channels, and the network of the TensorFlow graph of 2015-12-05
    maps them to vectors. All is computed in float32, whatever Keras's policy is.

    Args:
        weights: Path of the published file of weights or of one like it: a `.pth` of PyTorch's,
            an `.npz` or an HDF5 file with the same names and shapes. Defaults to None: the
            published file is downloaded once to `~/.keras/keras_tsvae/inception`.
        layer: Which features: `"64"`, `"192"`, `"768"` or `"2048"`, the means over all pixels
            after the first and the second pool, the last block of 17x17 pixels, and the last
            block; `"logits"` of the 1008 classes; or `"logits_unbiased"`, the same without the
            bias. Defaults to `"2048"`.
        batch_size: Positive int, images computed at a time; fewer if they take more than 64 MiB.
            Defaults to 64.

    Attributes:
        layer: The layer's name.
        dimensions: Int, length of a feature vector.
        resize: Name of the resize.
        has_classes: Whether `class_logits` can be had.
        features_identity: Str that tells these features from all others: the network, the layer,
            and a digest of the weights. What is kept of real images goes by it.
        identity: The same, and where class logits can be had, a digest of the weights that make
            them of the features.
        model: The `keras.Model` from float32 images `(n, 299, 299, 3)` in [0, 255] to features.

    Raises:
        ValueError: If an argument is out of range, the weights cannot be downloaded (the message
            says what to do by hand), or are damaged or those of another network.

    Example:
        >>> features = InceptionV3Features()
        >>> features(np.zeros((10, 32, 32, 3), "uint8")).shape
        (10, 2048)

    Source:
        Heusel et al. (2017), *GANs Trained by a Two Time-Scale Update Rule Converge to a Local
        Nash Equilibrium*; weights: https://github.com/mseitzer/pytorch-fid.
    """

    resize = "tf1-bilinear-299"
    cacheable = True
    converts_channels = True
    image_shape = None  # any

    def __init__(self, weights: PathLike | None = None, layer: str = "2048", batch_size: int = 64):
        layer = str(layer)
        if layer not in DIMENSIONS:
            raise ValueError(
                f"`layer` must be one of {list(DIMENSIONS)}. Received: layer={layer!r}"
            )
        self.weights = weights
        self.layer = layer
        self.dimensions = DIMENSIONS[layer]
        self.batch_size = positive_int("batch_size", batch_size)
        self.model = inception_network(layer)
        self._load(weights)
        self._resize = TF1BilinearResize(SIZE, dtype="float32")
        # Compiled apart, so that images of another size do not make the network be compiled anew.
        self._prepare = compile_function(self._resize, self._prepared)
        self._network = compile_function(self.model, self.model)

    def __call__(self, images: ArrayLike) -> np.ndarray:
        """Returns the features of images.

        Args:
            images: Array `(n, height, width, channels)` of any height and width, channels 1 or 3:
                uint8, or floats in [0, 1], which are not rounded.

        Returns:
            Float32 NumPy array `(n, dimensions)`.

        Raises:
            ValueError: If the images are not as described, or there are none.
        """
        images = check_images(images)
        rows = min(self.batch_size, batch_rows(images[:1].nbytes))
        return collect(batched(self._features, (images,), rows), len(images))

    def __deepcopy__(self, memo: dict[int, typing.Any]) -> "InceptionV3Features":
        """Returns itself: copies of what uses an extractor share it."""
        return self

    def __reduce__(self) -> tuple[typing.Any, ...]:
        """Returns what copies and pickles are made from: the weights are read anew."""
        return type(self), (self.weights, self.layer, self.batch_size)

    def class_logits(self, features: ArrayLike) -> np.ndarray:
        """Returns the logits of the classes, without the bias, as the Inception score uses them.

        Args:
            features: Array `(n, 2048)` of features of the layer `"2048"`.

        Returns:
            Float32 NumPy array `(n, 1008)`.

        Raises:
            ValueError: If the layer is another, or the features are not as described.

        Source:
            Salimans et al. (2016), *Improved Techniques for Training GANs*, and its code.
        """
        if not self.has_classes:
            raise ValueError(f"`layer` must be '2048' for class logits. Received: {self.layer!r}")
        return check_vectors("features", features, self.dimensions) @ self._class_kernel

    def _load(self, weights):
        layers = {layer.name: layer for layer in self.model.layers if layer.weights}
        shapes = {name: tuple(layer.kernel.shape) for name, layer in layers.items()}
        if self.layer == "2048":
            shapes["fc"] = (self.dimensions, CLASSES)
        loaded = load_weights(weights, shapes)
        digest = hashlib.sha256()
        for name, layer in layers.items():
            values = loaded[name][: len(layer.weights)]  # the unbiased logits leave the bias out
            layer.set_weights(values)
            for value in values:
                digest.update(np.ascontiguousarray(value).data)
        self.features_identity = f"inception-v3-2015-12-05/{self.layer}/{digest.hexdigest()[:12]}"
        self.identity = self.features_identity
        self.has_classes = self.layer == "2048"
        self._class_kernel = loaded["fc"][0] if self.has_classes else None
        if self.has_classes:
            digest = hashlib.sha256(np.ascontiguousarray(self._class_kernel).data)
            self.identity += f"/{digest.hexdigest()[:12]}"

    def _features(self, batch):
        count = len(batch)
        # JAX compiles anew for every number of images, so there are but few such numbers.
        padded = min(self.batch_size, 1 << (count - 1).bit_length())
        batch = np.pad(batch, ((0, padded - count), (0, 0), (0, 0), (0, 0)))
        if batch.dtype != np.uint8:
            batch = batch.astype("float32")
        return self._network(self._prepare(batch))[:count]

    def _prepared(self, images):
        is_float = keras.backend.standardize_dtype(images.dtype) != "uint8"
        images = self._resize(images)
        if is_float:
            images = images * 255.0
        return ops.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
