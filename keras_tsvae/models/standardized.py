"""A second stage that sees z standardised, and whose samples have the moments of z."""

import typing

import keras
import numpy as np
from keras import ops

from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.arrays.types import Tensor
from keras_tsvae.latents import Posteriors, moments
from keras_tsvae.latents.linear_transport import linear_transport
from keras_tsvae.models.posterior_inputs import of_all_processes
from keras_tsvae.models.second_stage import SecondStage

MOMENT_SAMPLES = 8_192
NOISE_OF_SAMPLES = 0.25
LEAST_VARIANCE = 1e-6
INITIALLY = {  # by name of a measured weight; with these x is z, and samples are as drawn
    "center": "zeros",
    "directions": "identity",
    "scales": "ones",
    "sample_factor": "identity",
    "sample_shift": "zeros",
    "sample_noise": "ones",
    "is_standardized": "zeros",
}


class Standardized(SecondStage):
    """A second stage whose networks see `x = V' (z - m) / s`, where its subclass has it so.

    m and `V diag(l) V'` are the mean and the covariance of z, and `s = l^1/4`: half the way from z,
    whose variances differ by orders of magnitude, to white noise. They are measured when the first
    training begins. `samples` brings drawn x to the mean and the covariance of z by an affine map,
    measured at the end of every epoch.
    """

    standardizes = False  # otherwise x is z, and samples are as drawn

    def add_standardization(self, measured: bool) -> None:
        """Makes the weights; but for `z_scale`, only of a stage that is measured."""
        # 1, but in files of the time before there was more than this scale.
        self.z_scale = self._constant("z_scale", (), "ones")
        self.standardizes = measured
        if measured:
            d = self.latent_dim
            shapes = {"directions": (d, d), "sample_factor": (d, d)}
            shapes |= {"sample_noise": (), "is_standardized": ()}
            for name, initializer in INITIALLY.items():
                setattr(self, name, self._constant(name, shapes.get(name, (d,)), initializer))

    def _constant(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def standardize(self, z: Tensor) -> Tensor:
        """Returns x of z, `V' (z - m) / s`."""
        if not self.standardizes:
            return z
        return ops.matmul(ops.cast(z, "float32") - self.center, self.directions) / self.scales

    def unstandardize(self, x: Tensor) -> Tensor:
        """Returns z of x, `m + V (s * x)`."""
        if not self.standardizes:
            return x
        scaled = ops.cast(x, "float32") * self.scales
        return self.center + ops.matmul(scaled, ops.transpose(self.directions))

    def log_scale(self) -> Tensor | float:
        """Returns `sum_j log s_j`: by so much is log p(x) greater than log p(z)."""
        return ops.sum(ops.log(self.scales)) if self.standardizes else 0.0

    def samples(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Returns samples of z, of decoded means of x and their noise."""
        if not self.standardizes:
            return mean + noise
        x = mean + self.sample_noise * noise
        return ops.matmul(x, self.sample_factor) + self.sample_shift

    def own_callbacks(self, posteriors: Posteriors) -> list[keras.callbacks.Callback]:
        """Returns what measures z before the first training, and samples after every epoch."""
        if not self.standardizes:
            return []
        posteriors = of_all_processes(posteriors)
        mean, covariance = moments(posteriors)
        condition = None
        if self.condition_dim is not None:
            rows = np.linspace(0, len(posteriors) - 1, MOMENT_SAMPLES).round().astype(int)
            condition = posteriors.arrays[-1][rows]
        return [
            keras.callbacks.LambdaCallback(
                on_train_begin=lambda logs: self._standardize(mean, covariance),
                on_epoch_end=lambda epoch, logs: self._match(mean, covariance, condition),
            )
        ]

    def _standardize(self, mean, covariance):
        """Sets the coordinates of x; those of networks that have been trained stay."""
        if float(ops.convert_to_numpy(self.is_standardized)):
            return
        variances, directions = np.linalg.eigh(covariance)
        scales = np.maximum(variances, LEAST_VARIANCE) ** 0.25
        self.center.assign(mean)
        self.directions.assign(directions)
        self.scales.assign(scales)
        factor, shift = self._to_z()
        self.sample_factor.assign(factor)
        self.sample_shift.assign(shift)
        self.is_standardized.assign(1.0)

    def _match(self, mean, covariance, condition):
        """Sets the map of samples to that of which their mean and covariance are those of z."""
        factor, shift = self._to_z()
        self.z_scale.assign(1.0)
        self.sample_factor.assign(factor)
        self.sample_shift.assign(shift)
        self.sample_noise.assign(NOISE_OF_SAMPLES)
        try:
            z = self.sample(MOMENT_SAMPLES, seed=0, condition=condition).astype("float64")
        except DivergedError:
            return  # as the logs of the epoch show
        spread = np.cov(z, rowvar=False).reshape(covariance.shape)
        matched, moved = linear_transport(z.mean(0), spread, mean, covariance)
        self.sample_factor.assign(factor @ matched)
        self.sample_shift.assign(shift @ matched + moved)

    def _to_z(self):
        """Returns the factor and the shift that make z of x, as arrays."""
        center, directions, scales = map(
            ops.convert_to_numpy, (self.center, self.directions, self.scales)
        )
        return (directions * scales).T, center

    def load_own_variables(self, store: typing.Any) -> None:
        """Loads the weights; files from before there was a standardisation leave x as z."""
        own = self._trainable_variables + self._non_trainable_variables
        older = self.standardizes and len(store.keys()) == len(own) - len(INITIALLY)
        if not older:
            super().load_own_variables(store)
            return
        given = {key: store[key] for key in store.keys()}
        for name, initializer in INITIALLY.items():
            shape = getattr(self, name).shape
            given[str(len(given))] = keras.initializers.get(initializer)(shape)
        super().load_own_variables(given)
        self.is_standardized.assign(1.0)  # its networks know z itself
