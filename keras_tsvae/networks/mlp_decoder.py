"""The second stage's decoder."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.mlp_encoder import hidden_and_input
from keras_tsvae.networks.network import Network, vector_input


@keras.saving.register_keras_serializable(package="keras_tsvae")
class MLPDecoder(Network):
    """Dense decoder of second-stage latent vectors u into reconstructions of z.

    `depth` dense relu layers of `width` units, whose output is concatenated behind the input u
    before the linear output layer.

    Args:
        latent_dim: Positive int, the width of u and of z.
        width: Positive int, units of each hidden layer. Defaults to 1024.
        depth: Positive int, the number of hidden layers. Defaults to 3.
        condition_dim: Positive int, the width of the condition; None for a decoder without.
            Defaults to None.
        conditioning: `"concat"`: the condition is concatenated behind u; `"modulate"`: it scales
            and shifts what goes into every relu
            (see `keras_tsvae.layers.Modulation`). Defaults to `"modulate"`.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        u: Float tensor of shape `(batch, latent_dim)`; with a `condition_dim`, a list of it and
            the conditions `(batch, condition_dim)`.

    Returns:
        A tensor of shape `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> keras_tsvae.networks.MLPDecoder(64)(np.random.randn(2, 64)).shape
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
        u = vector_input(latent_dim, "u")
        features = hidden_and_input(u, width, depth, condition)
        z = keras.layers.Dense(latent_dim, dtype=policy, name="z")(features)
        arguments = {
            "latent_dim": latent_dim,
            "width": width,
            "depth": depth,
            **condition.arguments,
        }
        super().__init__(condition.inputs(u), z, policy, arguments, **kwargs)
