"""What all networks of this package share."""

from typing import Any

import keras
from keras import ops

from keras_tsvae.arrays.types import DTypeLike, ImageShape, Tensor
from keras_tsvae.backend import Inference
from keras_tsvae.saving.trainability import from_arguments, set_trainability, with_trainability
from keras_tsvae.saving.whole_weights import WholeWeights


class Network(WholeWeights, Inference, keras.Model):
    """A functional model that is rebuilt from its constructor's arguments, dtype included."""

    def __init__(
        self, inputs: Any, outputs: Any, dtype: DTypeLike, arguments: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self._argument_names = tuple(arguments)
        for name, value in arguments.items():
            setattr(self, name, value)
        set_trainability(self, {})

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and which layers differ in `trainable`."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **{name: getattr(self, name) for name in self._argument_names},
        }
        return with_trainability(config, self)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "Network":
        """Creates the network anew from `get_config()`."""
        return from_arguments(cls, config)


class ImageDecoder(Network):
    """A network from latent vectors to the logits of images, and on to their sigmoid."""

    def __init__(
        self,
        inputs: Any,
        logits: Tensor,
        dtype: DTypeLike,
        arguments: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        images = keras.layers.Activation("sigmoid", dtype="float32", name="sigmoid")(logits)
        super().__init__(inputs, images, dtype, arguments, **kwargs)
        # Its call alone: the model would be tracked and saved as a layer of this one.
        self._logits_of = keras.Model(inputs, logits).__call__

    def logits(self, z: Any, training: bool | None = None) -> Tensor:
        """Returns the images before the sigmoid, float32, for the cross-entropy."""
        return ops.cast(self._logits_of(z, training=training), "float32")


def vector_input(size: int, name: str) -> keras.KerasTensor:
    """Returns a symbolic float32 batch of vectors."""
    return keras.Input((size,), dtype="float32", name=name)


def gaussian_heads(features: Tensor, latent_dim: int, dtype: DTypeLike) -> tuple[Tensor, Tensor]:
    """Returns the two dense heads `(mean, log_std)` of an encoder."""
    mean = keras.layers.Dense(latent_dim, dtype=dtype, name="mean")(features)
    log_std = keras.layers.Dense(latent_dim, dtype=dtype, name="log_std")(features)
    return mean, log_std


def check_stride(image_shape: ImageShape, stride: int) -> ImageShape:
    """Returns `image_shape`, or raises unless its height and width are multiples of `stride`."""
    if any(side % stride for side in image_shape[:2]):
        raise ValueError(
            f"`image_shape` must have a height and a width that are multiples of {stride}, the "
            f"network's strides. Received: image_shape={image_shape}"
        )
    return image_shape
