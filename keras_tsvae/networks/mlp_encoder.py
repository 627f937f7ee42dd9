"""The second stage's encoder."""

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.networks.network import Network, gaussian_heads, vector_input


@keras.saving.register_keras_serializable(package="keras_tsvae")
class MLPEncoder(Network):
    """Dense encoder of latent vectors z into the mean and log deviation of the posterior of u.

    `depth` dense relu layers of `width` units, whose output is concatenated behind the input z
    before the two heads.

    Args:
        latent_dim: Positive int, the width of z and of u.
        width: Positive int, units of each hidden layer. Defaults to 1024.
        depth: Positive int, the number of hidden layers. Defaults to 3.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        z: Float tensor of shape `(batch, latent_dim)`.

    Returns:
        `(mean, log_std)`, each of shape `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> mean, log_std = keras_tsvae.networks.MLPEncoder(64)(np.random.randn(2, 64))
        >>> mean.shape
        (2, 64)

    Source:
        Dai & Wipf (2019), section 4 and appendix.
    """

    def __init__(self, latent_dim, width=1024, depth=3, dtype=None, **kwargs):
        latent_dim = positive_int("latent_dim", latent_dim)
        policy = keras.dtype_policies.get(dtype)
        z = vector_input(latent_dim, "z")
        features = hidden_and_input(z, width, depth, policy)
        arguments = {
            "latent_dim": latent_dim,
            "width": width,
            "depth": depth,
        }
        super().__init__(
            z, gaussian_heads(features, latent_dim, policy), policy, arguments, **kwargs
        )


def hidden_and_input(inputs, width, depth, dtype):
    """Returns `inputs` with the output of the hidden layers concatenated behind them."""
    width = positive_int("width", width)
    y = inputs
    for index in range(positive_int("depth", depth)):
        y = keras.layers.Dense(width, activation="relu", dtype=dtype, name=f"hidden_{index}")(y)
    return keras.layers.Concatenate(dtype=dtype, name="skip")([inputs, y])
