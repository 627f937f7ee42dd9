"""A second stage that sees z standardised, and whose samples have the moments of z."""

import math
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

MOMENT_SAMPLES, SEED = 8_192, 0
NOISE_OF_SAMPLES = 0.05
LEAST_VARIANCE = 1e-6
INITIALLY = {  # by name of a measured weight; with these x is z, and samples are as drawn
    "center": "zeros",
    "directions": "identity",
    "scales": "ones",
    "sample_factor": "identity",
    "sample_shift": "zeros",
    "sample_noise": "ones",
    "precision_factor": "identity",
    "is_standardized": "zeros",
}


class Standardized(SecondStage):
    """A second stage whose networks see `x = V' (z - m) / s`, where its subclass has it so.

    m and `V diag(l) V'` are the mean and the covariance of z, measured when the first training
    begins, and `s` is proportional to `l^1/4`, such that x has a mean variance of 1. So it is half
    the way from z, whose variances differ by orders of magnitude, to white noise.

    At the end of every epoch two things are measured anew: an affine map that brings samples to
    the mean and the covariance of z, and R, the covariance of what the decoder misses of z.
    """

    standardizes = False  # otherwise x is z, and samples are as drawn

    def _add_standardization(self, measured: bool) -> None:
        """Makes the weights; but for `z_scale`, only of a stage that is measured."""
        # 1, but in files of the time before there was more than this scale.
        self.z_scale = self._constant("z_scale", (), "ones")
        self.standardizes = measured
        if measured:
            d = self.latent_dim
            shapes: dict[str, tuple[int, ...]]
            shapes = dict.fromkeys(("directions", "sample_factor", "precision_factor"), (d, d))
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

    def _standardized(self, z: Tensor) -> Tensor:
        """Returns x of z, `V' (z - m) / s`."""
        if not self.standardizes:
            return z
        return ops.matmul(ops.cast(z, "float32") - self.center, self.directions) / self.scales

    def _unstandardized(self, x: Tensor) -> Tensor:
        """Returns z of x, `m + V (s * x)`."""
        if not self.standardizes:
            return x
        scaled = ops.cast(x, "float32") * self.scales
        return self.center + ops.matmul(scaled, ops.transpose(self.directions))

    def _log_scale(self) -> Tensor | float:
        """Returns `sum_j log s_j`: by so much is log p(x) greater than log p(z)."""
        return ops.sum(ops.log(self.scales)) if self.standardizes else 0.0

    def _log_normal(self, residual: Tensor) -> Tensor:
        """Returns `log N(residual; 0, R)`, R the covariance of what the decoder misses of z."""
        scaled = ops.matmul(residual, self.precision_factor)
        log_scale = ops.sum(ops.log(ops.diagonal(self.precision_factor)))
        constant = 0.5 * self.latent_dim * math.log(2.0 * math.pi)
        return log_scale - constant - 0.5 * ops.sum(ops.square(scaled), axis=-1)

    def _samples(self, mean: Tensor, noise: Tensor) -> Tensor:
        """Returns samples of z, of decoded means of x and their noise."""
        if not self.standardizes:
            return mean + noise
        x = mean + self.sample_noise * noise
        return ops.matmul(x, self.sample_factor) + self.sample_shift

    def own_callbacks(self, posteriors: Posteriors) -> list[keras.callbacks.Callback]:
        """Returns what measures z before the first training, and both ends after every epoch."""
        if not self.standardizes:
            return []
        posteriors = of_all_processes(posteriors)
        mean, covariance = moments(posteriors)
        rows = np.linspace(0, len(posteriors) - 1, MOMENT_SAMPLES).round().astype(int)
        means, deviations, *condition = (array[rows] for array in posteriors.arrays)
        condition = condition[0] if self.condition_dim is not None else None
        noise = np.random.default_rng(SEED).standard_normal((2, *means.shape), "float32")
        z = means + deviations * noise[0]

        def measure(*_):
            try:
                self._measure_residuals(z, noise[1], condition)
                self._match(mean, covariance, condition)
            except (DivergedError, np.linalg.LinAlgError):
                pass  # as the logs of the epoch show

        return [
            keras.callbacks.LambdaCallback(
                on_train_begin=lambda logs: self._find_coordinates(mean, covariance),
                on_epoch_end=measure,
            )
        ]

    def _find_coordinates(self, mean, covariance):
        """Sets the coordinates of x; those of networks that have been trained stay."""
        if float(ops.convert_to_numpy(self.is_standardized)):
            return
        variances, directions = np.linalg.eigh(covariance)
        variances = np.maximum(variances, LEAST_VARIANCE)
        scales = variances**0.25 * np.sqrt(np.mean(np.sqrt(variances)))
        self.center.assign(mean)
        self.directions.assign(directions)
        self.scales.assign(scales)
        factor, shift = self._to_z()
        self.sample_factor.assign(factor)
        self.sample_shift.assign(shift)
        self.precision_factor.assign(_precision_factor(factor.T @ factor))
        self.is_standardized.assign(1.0)

    def _measure_residuals(self, z, noise, condition):
        """Sets the noise of the decoder, in `log_prob`, to the covariance of what it misses."""
        mean, std = self.encode(z, condition=condition)
        residual = z - self.decode(mean + std * noise, condition=condition).astype("float64")
        self.precision_factor.assign(_precision_factor(residual.T @ residual / len(residual)))

    def _match(self, mean, covariance, condition):
        """Sets the map of samples to that of which their mean and covariance are those of z."""
        factor, shift = self._to_z()
        self.z_scale.assign(1.0)
        self.sample_factor.assign(factor)
        self.sample_shift.assign(shift)
        self.sample_noise.assign(NOISE_OF_SAMPLES)
        z = self.sample(MOMENT_SAMPLES, seed=SEED, condition=condition).astype("float64")
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
        gamma = ops.exp(ops.convert_to_tensor(self.log_gamma))
        self.precision_factor.assign(ops.eye(self.latent_dim) / gamma)
        self.is_standardized.assign(1.0)  # its networks know z itself


def _precision_factor(covariance):
    """Returns W, upper triangular, of which `W W' = covariance^-1`."""
    floor = LEAST_VARIANCE * np.eye(len(covariance))
    return np.triu(np.linalg.inv(np.linalg.cholesky(covariance + floor)).T)
