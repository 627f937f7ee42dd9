"""A second stage that is a flow, trained by matching velocities, from a mixture on."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.types import Tensor
from keras_tsvae.backend import global_normal
from keras_tsvae.latents.integration import integrate
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.mixture_training import train_part
from keras_tsvae.models.second_stage import SecondStage
from keras_tsvae.models.second_stage_mixture import SecondStageMixture
from keras_tsvae.networks import MLPVelocity

AVERAGING = 0.999
DRAWS = 4  # of (e, t) for each z: to find x of z takes as long as to train on some


class _MixtureFirst(keras.callbacks.Callback):
    """Fits the mixture when a training begins, unless there is a velocity that goes with it."""

    def __init__(self, posteriors):
        super().__init__()
        self.posteriors = posteriors

    def on_train_begin(self, logs=None):
        steps = ops.convert_to_numpy(self.model.steps_averaged)
        if self.model.mixture_rounds and steps == 0:
            self.model.fit_mixture(self.posteriors, self.params["verbose"])


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SecondStageFlow(SecondStage):
    r"""A continuous flow from noise u to latent vectors z, which starts as Gaussian or mixture.

    A mixture of z is a map T from its z to standard normal x, and back, one dimension after the
    other. The flow is what is left to do: u goes to x along the velocity of an `MLPVelocity`, from
    t = 0 to 1, and then to `z = T^-1(x)`. In training, `x = T(z)` of a draw z of a posterior, with
    `x_t = cos(pi t / 2) e + sin(pi t / 2) x`, `e ~ N(0, I)` and t from 0 to 1, and the loss

    `|v(x_t, t)|^2 - 2 v(x_t, t)^T dx_t/dt`

    is the squared error of the velocity less that of no velocity. It is 0 as long as the flow is
    the mixture, and below 0 where it is better: a network that starts at zero can only gain.

    The first `fit` begins with the rounds of expectation maximisation that fit the mixture; epochs
    are those of the network. Later fits leave the mixture as it is and go on with the network.
    Samples, encodings, densities and figures of validation take a moving average of its weights.

    Args:
        latent_dim: Positive int, the width of z and of u.
        num_components: Positive int, of the mixture, or None: as many as describe held-out
            posteriors best. Defaults to 1: what one Gaussian leaves to do is smooth, and learned
            quickly. What many leave is little, but hard to learn: with them a flow stays near the
            mixture.
        mixture_rounds: Non-negative int, rounds of expectation maximisation at the most. Without
            any, the flow starts at N(0, I). Defaults to 20.
        width: Positive int, units of each hidden layer of the velocity. Defaults to 384.
        depth: Positive int, hidden layers of it. Defaults to 3.
        integration_steps: Positive int, steps of the method of Runge and Kutta between u and x.
            Defaults to 20, for which `decode(encode(z))` is z to 1e-4.
        condition_dim: Positive int, the width of the conditions that posteriors come with. Defaults
            to None: there are none.
        seed: Non-negative int, of the mixture's start. Defaults to 0.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> model = keras_tsvae.TwoStageVAE(first, keras_tsvae.SecondStageFlow(latent_dim=16))
        >>> model.compile(second_stage_optimizer=keras_tsvae.optimizers.FusedAdam(1e-3))
        >>> model.fit(images, epochs=20, second_stage_epochs=30, second_stage_batch_size=256)

    Source:
        Lipman et al. (2023), *Flow Matching for Generative Modeling*; Albergo & Vanden-Eijnden
        (2023), *Building Normalizing Flows with Stochastic Interpolants*, for the path.
    """

    def __init__(
        self,
        latent_dim: int,
        num_components: int | None = 1,
        mixture_rounds: int = 20,
        width: int = 384,
        depth: int = 3,
        integration_steps: int = 20,
        condition_dim: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, condition_dim=condition_dim, **kwargs)
        self.num_components = num_components
        self.mixture_rounds = non_negative_int("mixture_rounds", mixture_rounds)
        self.width, self.depth = width, depth
        self.integration_steps = positive_int("integration_steps", integration_steps)
        self.seed = seed
        self.mixture = SecondStageMixture(
            latent_dim, num_components, condition_dim, seed, name="mixture"
        )
        self.velocity = MLPVelocity(
            latent_dim, width, depth, condition_dim, dtype=self.dtype_policy, name="velocity"
        )
        for part in (self.mixture, self.velocity):
            part.build((None, latent_dim))
        self.steps_averaged = self._averaged("steps_averaged", np.zeros((), "float32"))
        self.average = [
            self._averaged(f"average_{weight.name}", weight) for weight in self.velocity.weights
        ]
        self._flow_seed_generator = keras.random.SeedGenerator()

    def _averaged(self, name, value):
        return self.add_weight(
            name=name,
            shape=value.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(value, dtype),
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def conditioned(
        self, condition_dim: int, conditioning: str = "modulate", **kwargs: Any
    ) -> "SecondStageFlow":
        """Returns a new, untrained flow for conditions; they modulate, whatever `conditioning`."""
        config = {**self.get_config(), "condition_dim": condition_dim, **kwargs}
        return SecondStageFlow(**{k: v for k, v in config.items() if k != "name"})

    def own_callbacks(self, posteriors: Posteriors) -> list[keras.callbacks.Callback]:
        """Returns what fits the mixture when a training begins, unless the flow goes on."""
        return [_MixtureFirst(posteriors)]

    def fit_mixture(self, posteriors: Posteriors, verbose: int | str = "auto") -> None:
        """Fits the mixture, as the first `fit` does by itself before the velocity is trained."""
        if verbose:
            print("Mixture that the flow starts from")
        train_part(self.mixture, posteriors, self.mixture_rounds, verbose)

    def loss_terms(self, data: Any, training: bool = False) -> dict[str, Tensor]:
        """Returns `loss`, the squared error of the velocity less that of none."""
        z, condition = self.targets(data), self.condition(data)
        x = ops.stop_gradient(self.mixture.encode_batch(z, condition)[:, 0])
        x = ops.repeat(x, DRAWS, axis=0)
        condition = None if condition is None else ops.repeat(condition, DRAWS, axis=0)
        noise = global_normal((ops.shape(x)[0], self.latent_dim + 1), self._flow_seed_generator)
        e, t = noise[:, :-1], 0.5 * ops.erfc(noise[:, -1:] / np.sqrt(2.0).astype("float32"))
        cos, sin = ops.cos(0.5 * np.pi * t), ops.sin(0.5 * np.pi * t)
        place, speed = cos * e + sin * x, 0.5 * np.pi * (cos * x - sin * e)
        if training:
            self._average_weights()
            velocity = self.velocity(place, t, condition)
        else:
            velocity = self.velocity.velocity(self.average, place, t, condition)
        loss = ops.sum(velocity * (velocity - 2.0 * speed), axis=-1)
        return {"loss": ops.mean(ops.reshape(loss, (-1, DRAWS)), axis=-1)}

    def _average_weights(self):
        """Moves the average towards the weights, and as far as they in the beginning."""
        steps = ops.convert_to_tensor(self.steps_averaged)
        kept = ops.minimum(AVERAGING, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(self.average, self.velocity.weights):
            step = ops.cast(ops.stop_gradient(ops.convert_to_tensor(weight)), "float32") - average
            average.assign(average + (1.0 - kept) * step)
        self.steps_averaged.assign(steps + 1.0)

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """Returns z, which `decode` gives back of what `encode` makes of it."""
        return inputs if self.condition_dim is None else inputs[0]

    def encode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns u, with zeros for its standard deviation, stacked: `(batch, 2, d)`."""
        x = self.mixture.encode_batch(z, condition)[:, 0]
        u = integrate(self._field(condition), x, 1.0, 0.0, self.integration_steps)
        return ops.stack([u, ops.zeros_like(u)], 1)

    def decode_batch(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns z of one batch of u, as a tensor."""
        x = integrate(self._field(condition), u, 0.0, 1.0, self.integration_steps)
        return self.mixture.decode_batch(x, condition)

    def generate_batch(self, u: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns samples of z for one batch of u, which say all; `noise` is left alone."""
        return self.decode_batch(u, condition)

    def log_prob_batch(
        self, z: Tensor, condition: Tensor | None = None, steps: int | None = None
    ) -> Tensor:
        """Returns the log density of one batch of z, in nats, exact but for the integration.

        `log p(z) = log p_mixture(z) - log N(x) + log N(u) - integral of div v from 0 to 1`, which
        is taken by Gauss's rule, one divergence for each step: they are what takes time. There are
        `steps` of them, or as many as samples take.
        """
        x = self.mixture.encode_batch(z, condition)[:, 0]
        field = self._field(condition)
        places, weights = np.polynomial.legendre.leggauss(steps or self.integration_steps)
        times = (0.5 - 0.5 * places).astype("float32")  # from 1 on to 0
        before, shares = (
            np.append(1.0, times)[:-1].astype("float32"),
            0.5 * weights.astype("float32"),
        )

        def segment(index, state):
            at, integral = state
            start, end, share = (ops.take(part, index) for part in (before, times, shares))
            at = integrate(field, at, start, end, 1)
            _, divergence = self.velocity.velocity_and_divergence(
                self.average, at, end + 0.0 * at[:, :1], condition
            )
            return at, integral + share * divergence

        state = ops.fori_loop(0, len(times), segment, (x, 0.0 * x[:, 0]))
        u = integrate(field, state[0], float(times[-1]), 0.0, 1)
        gained = 0.5 * (ops.sum(ops.square(x), -1) - ops.sum(ops.square(u), -1))
        return self.mixture.log_prob_batch(z, condition) + gained - state[1]

    def _field(self, condition):
        """Returns the averaged velocity as a function of t, a number, and x."""

        def velocity(t, x):
            times = t + 0.0 * x[:, :1]
            return self.velocity.velocity(self.average, x, times, condition)

        return velocity

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "mixture_rounds": self.mixture_rounds,
            "width": self.width,
            "depth": self.depth,
            "integration_steps": self.integration_steps,
            "seed": self.seed,
        }
