"""Which official variable belongs to which weight of a layer."""

import keras

from keras_tsvae.layers import (
    DebiasedBatchNormalization,
    DenseResBlock,
    DenseScaleBlock,
    ResBlock,
    ScaleBlock,
    SpectralNormalization,
)
from keras_tsvae.official.checkpoint import Checkpoint, listed


class Assignment:
    """Copies variables of a `Checkpoint` into layers, checking shapes, naming what does not fit."""

    def __init__(self, checkpoint: Checkpoint):
        self.checkpoint = checkpoint
        self.misfits: list[str] = []

    def weight(self, variable: keras.Variable, name: str) -> None:
        """Sets a weight."""
        value = self._take(name, tuple(variable.shape))
        if value is not None:
            variable.assign(value)

    def _take(self, name, shape):
        """Returns a variable, or None if it is missing or not of floats of that shape."""
        value = self.checkpoint.take(name)
        if value is not None and (value.shape != shape or value.dtype.kind != "f"):
            self.misfits.append(f"{name} {value.dtype} {value.shape} for float {shape}")
            return None
        return value

    def linear(
        self, layer: keras.Layer, scope: str, kernel: str = "kernel", bias: str = "bias"
    ) -> None:
        """Sets a dense or convolutional layer."""
        self.weight(layer.kernel, f"{scope}/{kernel}")
        self.weight(layer.bias, f"{scope}/{bias}")

    def spectral(self, wrapper: SpectralNormalization, scope: str, kernel: str, bias: str) -> None:
        """Sets a spectrally normalised layer."""
        self.weight(wrapper.layer.kernel, f"{scope}/{kernel}")
        self.weight(wrapper.bias, f"{scope}/{bias}")
        self.weight(wrapper.u, f"{scope}/{scope}/{kernel}0/u_var")

    def norm(self, layer: DebiasedBatchNormalization, scope: str) -> None:
        """Sets a batch normalisation, with its debiased moving averages."""
        self.weight(layer.scale, f"{scope}/gamma")
        self.weight(layer.offset, f"{scope}/beta")
        self.weight(layer.moving_mean, f"{scope}/mean")
        self.weight(layer.moving_variance, f"{scope}/variance")
        self.weight(layer.num_updates, f"{scope}/{scope}/mean/local_step")
        follow_from_the_above = {
            "mean/biased": tuple(layer.scale.shape),
            "variance/biased": tuple(layer.scale.shape),
            "variance/local_step": (),
        }
        for name, shape in follow_from_the_above.items():
            self._take(f"{scope}/{scope}/{name}", shape)

    def block(self, block: ResBlock | DenseResBlock, scope: str) -> None:
        """Sets a residual block."""
        for index, norm in enumerate(block.norms):
            self.norm(norm, f"{scope}/bn{index}_w")
        for index, transform in enumerate(block.transforms):
            self.linear(transform, f"{scope}/layer{index}")
        self.linear(block.shortcut, f"{scope}/shortcut")

    def scale(self, scale: ScaleBlock | DenseScaleBlock, scope: str) -> None:
        """Sets a scale block."""
        for index, block in enumerate(scale.blocks):
            self.block(block, f"{scope}/block{index}")

    def finish(self) -> None:
        """Raises a `ValueError` if anything was missing, left over, or of another shape."""
        self.checkpoint.finish()
        if self.misfits:
            raise ValueError(
                "`image_shape` and `network` must be those of the checkpoint. "
                f"Received: {self.checkpoint.prefix!r}, {listed(self.misfits)}"
            )
