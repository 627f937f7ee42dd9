"""How a network takes a condition: not at all, concatenated, or by modulation."""

import keras

from keras_tsvae.arguments import CONDITIONING, positive_int
from keras_tsvae.arrays.types import DTypeLike, Tensor
from keras_tsvae.layers import Modulation


class Conditioning:
    """The condition of a network that is being made; without a `condition_dim` all is a no-op.

    Args:
        condition_dim: Positive int, the width of the condition, or None for a network without.
        conditioning: `"concat"` or `"modulate"`.
        dtype: Dtype policy of the layers.

    Raises:
        ValueError: If an argument is not as described.
    """

    def __init__(self, condition_dim: int | None, conditioning: str, dtype: DTypeLike) -> None:
        if conditioning not in CONDITIONING:
            raise ValueError(
                f"`conditioning` must be one of {CONDITIONING}. "
                f"Received: conditioning={conditioning!r}"
            )
        self.dtype = dtype
        self.mode = None if condition_dim is None else conditioning
        self.condition = None
        if condition_dim is not None:
            condition_dim = positive_int("condition_dim", condition_dim)
            self.condition = keras.Input((condition_dim,), dtype="float32", name="condition")
        self.arguments = {"condition_dim": condition_dim, "conditioning": conditioning}

    def inputs(self, x: Tensor) -> Tensor | list[Tensor]:
        """Returns the network's inputs: `x`, with the condition if there is one."""
        return x if self.condition is None else [x, self.condition]

    def concat(self, y: Tensor, name: str = "with_condition") -> Tensor:
        """Returns `y` with the condition behind it, if it is to be concatenated."""
        if self.mode != "concat":
            return y
        return keras.layers.Concatenate(dtype=self.dtype, name=name)([y, self.condition])

    def modulate(self, y: Tensor, name: str) -> Tensor:
        """Returns `y` scaled and shifted by the condition, if it is to modulate."""
        if self.mode != "modulate":
            return y
        return Modulation(dtype=self.dtype, name=name)(y, self.condition)

    def of_blocks(self) -> tuple[Tensor, ...]:
        """Returns the further arguments of a call of residual blocks."""
        return () if self.mode != "modulate" else (self.condition,)
