"""The velocity of a flow between noise and latent vectors."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import Shape, Tensor

_FREQUENCIES = 8
_CONTEXT = 128


@keras.saving.register_keras_serializable(package="keras_tsvae")
class MLPVelocity(keras.layers.Layer):
    r"""Dense network from a place x, a time t and a condition c to the velocity of x.

    With `g = silu(A [cos(pi k t), sin(pi k t), c] + a)`, k = 1 ... 8, each hidden layer is
    `h <- silu((1 + S g) * (W h + b) + T g)`, and `v = V h`. V is zero at first, and with it v.

    Args:
        latent_dim: Positive int, the width d of x.
        width: Positive int, units of each hidden layer. Defaults to 384.
        depth: Positive int, the number of hidden layers. Defaults to 3.
        condition_dim: Positive int, the width of the condition; None for a network without.
            Defaults to None.
        **kwargs: `name`, `trainable` and `dtype` of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor `(batch, latent_dim)`.
        t: Float tensor `(batch, 1)` of times in [0, 1].
        condition: Float tensor `(batch, condition_dim)` where there are conditions.

    Returns:
        A float32 tensor `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> x, t = np.random.randn(2, 64), np.random.rand(2, 1)
        >>> keras_tsvae.networks.MLPVelocity(64)(x, t).shape
        (2, 64)
    """

    def __init__(
        self,
        latent_dim: int,
        width: int = 384,
        depth: int = 3,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # times keep their precision
        self.latent_dim = positive_int("latent_dim", latent_dim)
        self.width = positive_int("width", width)
        self.depth = positive_int("depth", depth)
        if condition_dim is not None:
            condition_dim = positive_int("condition_dim", condition_dim)
        self.condition_dim = condition_dim

    def build(
        self, x_shape: Shape, t_shape: Shape | None = None, condition_shape: Shape | None = None
    ) -> None:
        """Creates the weights: those of g, of each hidden layer, and of the velocity."""
        self._weight("context_kernel", (2 * _FREQUENCIES + (self.condition_dim or 0), _CONTEXT))
        self._weight("context_bias", (_CONTEXT,), "zeros")
        for index in range(self.depth):
            inputs = self.width if index else self.latent_dim
            self._weight(f"kernel_{index}", (inputs, self.width))
            self._weight(f"bias_{index}", (self.width,), "zeros")
            self._weight(f"modulation_{index}", (_CONTEXT, 2 * self.width), "zeros")
        self._weight("velocity", (self.width, self.latent_dim), "zeros")
        self.built = True

    def _weight(self, name, shape, initializer="glorot_uniform"):
        aggregation = "only_first_replica"
        self.add_weight(name=name, shape=shape, initializer=initializer, aggregation=aggregation)

    def call(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the velocity of a batch."""
        return self.velocity([*self.weights], x, t, condition, self.compute_dtype)

    def velocity(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        t: Tensor,
        condition: Tensor | None = None,
        dtype: str = "float32",
    ) -> Tensor:
        """Returns the velocity under other `weights`, in the order of the layer's own.

        Args:
            weights: Tensors or variables.
            x: As in a call, as `t` and `condition`.
            t: See there.
            condition: See there.
            dtype: What is computed in. Defaults to float32.
        """
        weights = [ops.cast(weight, dtype) for weight in weights]
        h, g = ops.cast(x, dtype), _context(weights, t, condition, dtype)
        for kernel, *affine in _layers(weights):
            scale, shift = _modulation(g, *affine)
            h = ops.silu(scale * ops.matmul(h, kernel) + shift)
        return ops.cast(ops.matmul(h, weights[-1]), "float32")

    def velocity_and_divergence(
        self, weights: Sequence[Tensor], x: Tensor, t: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns the velocity, and its exact divergence `sum_i dv_i/dx_i`, `(batch,)`.

        The derivatives of all units to all `x_i` go through the layers with them,
        `(batch, d, width)`.

        Args:
            weights: Tensors or variables, in the order of the layer's own.
            x: As in a call, as `t` and `condition`.
            t: See there.
            condition: See there.
        """
        weights = [ops.convert_to_tensor(weight) for weight in weights]
        g, h, jacobian = _context(weights, t, condition, "float32"), x, None
        for kernel, *affine in _layers(weights):
            scale, shift = _modulation(g, *affine)
            a = scale * ops.matmul(h, kernel) + shift
            jacobian = kernel[None] if jacobian is None else ops.matmul(jacobian, kernel)
            gate = ops.sigmoid(a)
            h = a * gate
            jacobian = jacobian * (scale * (gate + h * (1.0 - gate)))[:, None]
        divergence = ops.sum(jacobian * ops.transpose(weights[-1])[None], (1, 2))
        return ops.matmul(h, weights[-1]), divergence

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "width": self.width,
            "depth": self.depth,
            "condition_dim": self.condition_dim,
        }


def _context(weights, t, condition, dtype):
    """Returns g."""
    angles = ops.cast(t, "float32") * (np.pi * np.arange(1, _FREQUENCIES + 1)).astype("float32")
    known = [ops.cos(angles), ops.sin(angles), *([] if condition is None else [condition])]
    known = ops.cast(ops.concatenate([ops.cast(part, "float32") for part in known], -1), dtype)
    return ops.silu(ops.matmul(known, weights[0]) + weights[1])


def _layers(weights):
    """Returns kernel, bias and modulation of each hidden layer."""
    return zip(weights[2:-1:3], weights[3:-1:3], weights[4:-1:3])


def _modulation(g, bias, modulation):
    """Returns what `W h` is multiplied by, and what is added to that."""
    scale, shift = ops.split(ops.matmul(g, modulation), 2, -1)
    return 1.0 + scale, (1.0 + scale) * bias + shift
