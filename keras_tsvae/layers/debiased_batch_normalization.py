"""Batch normalisation whose moving statistics are right from the first step on."""

import math

import keras
from keras import ops

from keras_tsvae.backend import normalize_batch


@keras.saving.register_keras_serializable(package="keras_tsvae")
class DebiasedBatchNormalization(keras.layers.Layer):
    r"""Batch normalisation over the last axis, with zero-debiased moving statistics.

    In training, `y = scale * (x - mean) / sqrt(variance + epsilon) + offset` with the batch's
    own mean and (biased) variance over all axes but the last. In inference the same with the
    moving statistics, which after `t` training steps are

    `m_t = (1 - d) / (1 - d^t) * sum_{s=1..t} d^(t-s) * mean_s`,

    the exponential average divided by the weight it has gathered so far. It equals the batch's
    statistics after one step and the ordinary moving average in the long run, so a model that
    has trained for 50 steps already evaluates sanely at a decay of 0.999.

    The statistics are those of the whole batch, also where a `tf.distribute` strategy or a
    `keras.distribution` splits it over several devices. They are computed in float32 under
    every dtype policy.

    Args:
        decay: Float in (0, 1), the weight `d` of the past. Defaults to 0.999.
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
        Ioffe & Szegedy (2015); debiasing as in Kingma & Ba (2015), section 3; the constants are
        those of Dai & Wipf's (2019) experiments.
    """

    def __init__(self, decay=0.999, epsilon=1e-5, **kwargs):
        if not 0.0 < decay < 1.0:
            raise ValueError(f"`decay` must lie in (0, 1). Received: decay={decay!r}")
        if not epsilon > 0.0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon!r}")
        super().__init__(**kwargs)
        self.decay = decay
        self.epsilon = epsilon

    def build(self, input_shape):
        """Creates scale, offset, both moving statistics and the number of updates so far."""
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                "The last axis of the inputs must be known. "
                f"Received: input_shape={tuple(input_shape)}"
            )
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

    def _weight(self, name, channels, initializer, trainable):
        return self.add_weight(
            name=name,
            shape=(channels,),
            initializer=initializer,
            dtype="float32",
            trainable=trainable,
            autocast=False,
            aggregation="none" if trainable else "mean",
        )

    def call(self, inputs, training=None):
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
        gathered = -ops.expm1(updates * math.log(self.decay))  # 1 - decay^updates
        rate = (1.0 - self.decay) / gathered
        self.num_updates.assign(updates)
        self.moving_mean.assign(self.moving_mean + rate * (mean - self.moving_mean))
        self.moving_variance.assign(self.moving_variance + rate * (variance - self.moving_variance))

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "decay": self.decay, "epsilon": self.epsilon}
