"""What all networks of this package share."""

import keras
from keras import ops


class Network(keras.Model):
    """A functional model that is rebuilt from its constructor's arguments, dtype included."""

    def __init__(self, inputs, outputs, dtype, arguments, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self._argument_names = tuple(arguments)
        for name, value in arguments.items():
            setattr(self, name, value)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            **{name: getattr(self, name) for name in self._argument_names},
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the network anew from `get_config()`."""
        return cls(**config)


class ImageDecoder(Network):
    """A network that ends in the logits of its images, and returns their sigmoid."""

    def call(self, z, training=None, mask=None):
        """Returns float32 images in [0, 1]."""
        return ops.sigmoid(self.logits(z, training=training))

    def logits(self, z, training=None):
        """Returns the images before the sigmoid, float32, for the cross-entropy."""
        return ops.cast(super().call(z, training=training), "float32")

    def compute_output_spec(self, *args, **kwargs):
        """Returns the images' symbolic form."""
        return keras.KerasTensor(self.outputs[0].shape, dtype="float32")


def vector_input(size, name):
    """Returns a symbolic float32 batch of vectors."""
    return keras.Input((size,), dtype="float32", name=name)


def gaussian_heads(features, latent_dim, dtype):
    """Returns the two dense heads `(mean, log_std)` of an encoder."""
    mean = keras.layers.Dense(latent_dim, dtype=dtype, name="mean")(features)
    log_std = keras.layers.Dense(latent_dim, dtype=dtype, name="log_std")(features)
    return mean, log_std


def check_stride(image_shape, stride):
    """Returns `image_shape`, or raises unless its height and width are multiples of `stride`."""
    if any(side % stride for side in image_shape[:2]):
        raise ValueError(
            f"`image_shape` must have a height and a width that are multiples of {stride}, the "
            f"network's strides. Received: image_shape={image_shape}"
        )
    return image_shape
