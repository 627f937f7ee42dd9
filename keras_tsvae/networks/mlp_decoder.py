"""The second stage's decoder."""

import keras

from keras_tsvae.arguments import positive_int
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
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        u: Float tensor of shape `(batch, latent_dim)`.

    Returns:
        A tensor of shape `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> keras_tsvae.networks.MLPDecoder(64)(np.random.randn(2, 64)).shape
        (2, 64)

    Source:
        Dai & Wipf (2019), section 4 and appendix.
    """

    def __init__(self, latent_dim, width=1024, depth=3, dtype=None, **kwargs):
        latent_dim = positive_int("latent_dim", latent_dim)
        policy = keras.dtype_policies.get(dtype)
        u = vector_input(latent_dim, "u")
        features = hidden_and_input(u, width, depth, policy)
        z = keras.layers.Dense(latent_dim, dtype=policy, name="z")(features)
        arguments = {
            "latent_dim": latent_dim,
            "width": width,
            "depth": depth,
        }
        super().__init__(u, z, policy, arguments, **kwargs)
