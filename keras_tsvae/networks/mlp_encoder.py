"""The second stage's encoder."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import DTypeLike, Tensor
from keras_tsvae.networks.conditioning import Conditioning
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
        condition_dim: Positive int, the width of the condition; None for an encoder without.
            Defaults to None.
        conditioning: `"concat"`: the condition is concatenated behind z; `"modulate"`: it scales
            and shifts what goes into every relu
            (see `keras_tsvae.layers.Modulation`). Defaults to `"modulate"`.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        z: Float tensor of shape `(batch, latent_dim)`; with a `condition_dim`, a list of it and
            the conditions `(batch, condition_dim)`.

    Returns:
        `(mean, log_std)`, each of shape `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> mean, log_std = keras_tsvae.networks.MLPEncoder(64)(np.random.randn(2, 64))
        >>> mean.shape
        (2, 64)

    Source:
        Dai & Wipf (2019), section 4 and appendix; Trentin (2019), chapter 5, for the condition.
    """

    def __init__(
        self,
        latent_dim: int,
        width: int = 1024,
        depth: int = 3,
        condition_dim: int | None = None,
        conditioning: str = "modulate",
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        latent_dim = positive_int("latent_dim", latent_dim)
        width = positive_int("width", width)
        depth = positive_int("depth", depth)
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, conditioning, policy)
        z = vector_input(latent_dim, "z")
        features = hidden_and_input(z, width, depth, condition)
        arguments = {
            "latent_dim": latent_dim,
            "width": width,
            "depth": depth,
            **condition.arguments,
        }
        posterior = gaussian_heads(features, latent_dim, policy)
        super().__init__(condition.inputs(z), posterior, policy, arguments, **kwargs)


def hidden_and_input(inputs: Tensor, width: int, depth: int, condition: Conditioning) -> Tensor:
    """Returns `inputs` with the output of the hidden layers concatenated behind them."""
    dtype = condition.dtype
    inputs = condition.concat(inputs)
    y = inputs
    for index in range(depth):
        y = keras.layers.Dense(width, dtype=dtype, name=f"hidden_{index}")(y)
        y = condition.modulate(y, f"modulation_{index}")
        y = keras.layers.ReLU(dtype=dtype, name=f"relu_{index}")(y)
    return keras.layers.Concatenate(dtype=dtype, name="skip")([inputs, y])
