"""Batch normalisation whose moving statistics are right from the first step on."""

from typing import Any

import keras
from keras import ops

from keras_tsvae.arguments import is_number
from keras_tsvae.arrays.types import Shape, Tensor
from keras_tsvae.backend import normalize_batch
from keras_tsvae.layers.channels import known_channels

ETA = 9.0  # in short trainings about the last 1 / (ETA + 1) of the steps counts


@keras.saving.register_keras_serializable(package="keras_tsvae")
class DebiasedBatchNormalization(keras.layers.Layer):
    """Batch normalisation over the last axis, with moving statistics that no start value biases.

    In training, `y = scale * (x - mean) / sqrt(variance + epsilon) + offset` with the batch's
    own mean and (biased) variance over all axes but the last. In inference the same with the
    moving statistics, which in training step `t` become

    `m_t = m_(t-1) + max(1 - decay, 10 / (t + 9)) * (mean_t - m_(t-1))`:

    the batch's own after one step, then mostly those of the last tenth of the steps so far, and
    from `10 / (1 - decay)` steps on the ordinary moving average. A model that has trained for 50
    or 1000 steps at a decay of 0.999 so evaluates with the statistics of its latest weights.

    The statistics are those of the whole batch, also where a `tf.distribute` strategy or a
    `keras.distribution` splits it over several devices. They are computed in float32 under
    every dtype policy.

    Args:
        decay: Float in (0, 1), the weight of the past in the long run. Defaults to 0.999.
        epsilon: Positive float added to the variance. Defaults to 1e-5.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, ..., channels)`.
        training: Whether to use, and record, the batch's own statistics.

    Raises:
        ValueError: If `decay` or `epsilon` is out of its range, or the channels are unknown.

    Example:
        >>> layer = keras_tsvae.layers.DebiasedBatchNormalization()
        >>> layer(np.random.rand(8, 4, 4, 3), training=True).shape
        (8, 4, 4, 3)

    Source:
        Ioffe & Szegedy (2015), with the constants of Dai & Wipf's (2019) experiments; for the first
        steps polynomial-decay averaging, Shamir & Zhang (2013), with eta = 9.
    """

    def __init__(self, decay: float = 0.999, epsilon: float = 1e-5, **kwargs: Any) -> None:
        if not (is_number(decay) and 0.0 < decay < 1.0):
            raise ValueError(f"`decay` must lie in (0, 1). Received: decay={decay!r}")
        if not (is_number(epsilon) and epsilon > 0.0):
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon!r}")
        super().__init__(**kwargs)
        self.decay = decay
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        """Creates scale, offset, both moving statistics and the number of updates so far."""
        channels = known_channels(input_shape)
        self.scale = self._weight("scale", channels, "ones", trainable=True)
        self.offset = self._weight("offset", channels, "zeros", trainable=True)
        self.moving_mean = self._weight("moving_mean", channels, "zeros", trainable=False)
        self.moving_variance = self._weight("moving_variance", channels, "ones", trainable=False)
        self.num_updates = self.add_weight(
            name="num_updates",
            shape=(),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def _weight(
        self, name: str, channels: int, initializer: str, trainable: bool
    ) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=(channels,),
            initializer=initializer,
            dtype="float32",
            trainable=trainable,
            autocast=False,
            aggregation="none" if trainable else "mean",
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Normalises `inputs`; in training also records the batch's statistics."""
        outputs, mean, variance = normalize_batch(
            inputs,
            ops.convert_to_tensor(self.scale),
            ops.convert_to_tensor(self.offset),
            ops.convert_to_tensor(self.moving_mean),
            ops.convert_to_tensor(self.moving_variance),
            self.epsilon,
            bool(training) and self.trainable,
        )
        if training and self.trainable:
            self._record(mean, variance)
        return outputs

    def _record(self, mean, variance):
        # One more, but only once the batch is there: where it fails to come, nothing may move.
        updates = self.num_updates + ops.cast(ops.isfinite(mean[0]), "float32")
        rate = ops.maximum(1.0 - self.decay, (ETA + 1.0) / (updates + ETA))
        self.num_updates.assign(updates)
        self.moving_mean.assign(self.moving_mean + rate * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + rate * (variance - self.moving_variance))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "decay": self.decay, "epsilon": self.epsilon}
