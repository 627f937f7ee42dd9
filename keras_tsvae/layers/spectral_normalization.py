"""A linear layer divided by its kernel's largest singular value."""

import math
from typing import Any

import keras
from keras import ops

from keras_tsvae.arrays.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SpectralNormalization(keras.layers.Wrapper):
    r"""`y = layer(x) / sigma + bias`, with sigma the largest singular value of the layer's kernel.

    With W the kernel as a matrix `(inputs, outputs)`, each call makes one step of the power
    iteration, `v = W^T u / |W^T u|`, `u = W v / |W v|`, `sigma = u^T W v`; gradients flow through
    W alone, not through u and v. In training u is kept for the next call.

    `keras.layers.SpectralNormalization` overwrites the kernel with the normalised one at every
    training step; here, as in the paper's experiments, the kernel that the optimiser moves stays
    as it is, and sigma is a function of it.

    Args:
        layer: A layer with a `kernel` whose last axis is that of the outputs, such as
            `keras.layers.Dense` or `keras.layers.Conv2D`, without bias or activation.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: A tensor as the layer takes it.
        training: Whether to keep the step of the power iteration.

    Raises:
        ValueError: If the layer has a bias or an activation, or no kernel.

    Example:
        >>> dense = keras.layers.Dense(4, use_bias=False)
        >>> keras_tsvae.layers.SpectralNormalization(dense)(np.ones((2, 8))).shape
        (2, 4)

    Source:
        Miyato et al. (2018), *Spectral Normalization for Generative Adversarial Networks*,
        section 2; Dai & Wipf (2019), appendix: the encoder of the InfoGAN network.
    """

    def __init__(self, layer: keras.Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
        if getattr(layer, "use_bias", True) or not linear:
            raise ValueError(
                "`layer` must be a linear layer without bias or activation: the bias is added "
                f"after the division. Received: layer={layer.name!r} ({type(layer).__name__})"
            )

    def build(self, input_shape: Shape) -> None:
        """Builds the layer, and creates u and the bias."""
        super().build(input_shape)
        if not hasattr(self.layer, "kernel"):
            raise ValueError(
                f"`layer` must have a `kernel`. Received: a {type(self.layer).__name__}"
            )
        *rows, outputs = self.layer.kernel.shape
        self.u = self.add_weight(
            name="u",
            shape=(math.prod(rows), 1),
            initializer="random_normal",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")
        if not self.trainable:
            self.layer.trainable = False

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Applies the normalised layer."""
        sigma, u = self._power_iteration()
        if training and self.trainable:
            self.u.assign(u)
        outputs = self.layer(inputs)
        return outputs / ops.cast(sigma, outputs.dtype) + ops.cast(self.bias, outputs.dtype)

    def _power_iteration(self) -> tuple[Tensor, Tensor]:
        """Returns sigma, a float32 scalar, and the next u."""
        kernel = self.layer.kernel
        w = ops.reshape(ops.cast(kernel.value, "float32"), (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(w)
        v = _unit(ops.matmul(ops.transpose(fixed), ops.convert_to_tensor(self.u)))
        u = _unit(ops.matmul(fixed, v))
        return ops.sum(u * ops.matmul(w, v)), u

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the layer's output shape."""
        return self.layer.compute_output_shape(input_shape)


def _unit(vector: Tensor) -> Tensor:
    return vector * ops.rsqrt(ops.maximum(ops.sum(ops.square(vector)), 1e-12))
