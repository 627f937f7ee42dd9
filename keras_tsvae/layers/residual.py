"""What the convolutional and the dense residual blocks share."""

from typing import Any

import keras
from keras import ops

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import Shape, Tensor
from keras_tsvae.layers.modulation import Modulation
from keras_tsvae.saving.trainability import ENTRY, set_trainability, with_trainability


class CompositeLayer(keras.layers.Layer):
    """A layer that makes others as it is built; which of them are trainable is kept.

    Subclasses make them in `make_layers`, with the arguments of `build`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._trainability: dict[str, bool] = {}  # until the layers are there

    def make_layers(self, inputs_shape: Shape, condition_shape: Shape | None) -> None:
        """Creates and builds the layers inside."""
        raise NotImplementedError

    def build(self, inputs_shape: Shape, condition_shape: Shape | None = None) -> None:
        """Creates and builds the layers inside."""
        self.make_layers(tuple(inputs_shape), condition_shape)
        set_trainability(self, self._trainability)

    def compute_output_shape(
        self, inputs_shape: Shape, condition_shape: Shape | None = None
    ) -> Shape:
        """Returns the input's shape with the layer's width as its last axis."""
        return (*inputs_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, and which layers inside differ in `trainable`."""
        config = super().get_config()
        if not self.built:
            return {**config, ENTRY: dict(self._trainability)} if self._trainability else config
        return with_trainability(config, self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CompositeLayer":
        """Creates the layer anew from `get_config()`."""
        layer = super().from_config({key: value for key, value in config.items() if key != ENTRY})
        layer._trainability = config.get(ENTRY, {})
        return layer


class PreActivationBlock(CompositeLayer):
    """`y = x`, then `depth_per_block` times `y = transform(relu(norm(y)))`; `y + shortcut(x)`.

    Called with a condition, it modulates by it what goes into each relu. Subclasses say what a
    transform is, and what the norm in front of it, if any.
    """

    def __init__(self, width: int, depth_per_block: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.depth_per_block = positive_int("depth_per_block", depth_per_block)

    def make_transform(self, name: str) -> keras.Layer:
        """Returns a new linear layer from any width to the block's."""
        raise NotImplementedError

    def make_norm(self, name: str) -> keras.Layer | None:
        """Returns the layer in front of a relu, or None."""
        return None

    def make_layers(self, inputs_shape: Shape, condition_shape: Shape | None) -> None:
        """Creates and builds norms, modulations, transforms and the shortcut."""
        self.norms, self.modulations, self.transforms = [], [], []
        shape = inputs_shape
        for index in range(self.depth_per_block):
            norm = self.make_norm(f"norm_{index}")
            if norm is not None:
                norm.build(shape)
                self.norms.append(norm)
            if condition_shape is not None:
                modulation = Modulation(dtype=self.dtype_policy, name=f"modulation_{index}")
                modulation.build(shape, condition_shape)
                self.modulations.append(modulation)
            transform = self.make_transform(f"transform_{index}")
            transform.build(shape)
            self.transforms.append(transform)
            shape = self.compute_output_shape(inputs_shape)
        self.shortcut = self.make_transform("shortcut")
        self.shortcut.build(inputs_shape)

    def call(
        self, inputs: Tensor, condition: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        """Applies the block to a batch."""
        y = inputs
        for index, transform in enumerate(self.transforms):
            if self.norms:
                y = self.norms[index](y, training=training)
            if self.modulations:
                y = self.modulations[index](y, condition)
            y = transform(ops.relu(y))
        return y + self.shortcut(inputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "depth_per_block": self.depth_per_block}


class BlockStack(CompositeLayer):
    """`block_per_scale` residual blocks, one after another; subclasses say of which kind."""

    def __init__(
        self, width: int, block_per_scale: int, depth_per_block: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.block_per_scale = positive_int("block_per_scale", block_per_scale)
        self.depth_per_block = positive_int("depth_per_block", depth_per_block)

    def make_block(self, name: str) -> keras.Layer:
        """Returns a new residual block."""
        raise NotImplementedError

    def make_layers(self, inputs_shape: Shape, condition_shape: Shape | None) -> None:
        """Creates and builds the blocks."""
        self.blocks = []
        shape = inputs_shape
        for index in range(self.block_per_scale):
            block = self.make_block(f"block_{index}")
            block.build(shape, condition_shape)
            shape = block.compute_output_shape(shape)
            self.blocks.append(block)

    def call(
        self, inputs: Tensor, condition: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        """Applies the blocks in order."""
        for block in self.blocks:
            inputs = block(inputs, condition, training=training)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "block_per_scale": self.block_per_scale,
            "depth_per_block": self.depth_per_block,
        }
