"""What all networks of this package share."""

import keras


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


def vector_input(size, name):
    """Returns a symbolic float32 batch of vectors."""
    return keras.Input((size,), dtype="float32", name=name)


def gaussian_heads(features, latent_dim, dtype):
    """Returns the two dense heads `(mean, log_std)` of an encoder."""
    mean = keras.layers.Dense(latent_dim, dtype=dtype, name="mean")(features)
    log_std = keras.layers.Dense(latent_dim, dtype=dtype, name="log_std")(features)
    return mean, log_std
