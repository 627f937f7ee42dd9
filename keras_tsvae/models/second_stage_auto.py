"""A second stage that chooses between a mixture and a flow."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.inference import DivergedError, batched, collect
from keras_tsvae.arrays.types import ArrayLike, Tensor
from keras_tsvae.evaluation.latent_replay import latent_replay
from keras_tsvae.latents.holding_out import hold_out
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import draw
from keras_tsvae.models.choice import Choice
from keras_tsvae.models.mixture_training import train_part
from keras_tsvae.models.posterior_inputs import PosteriorsLike, of_all_processes
from keras_tsvae.models.second_stage import BATCH_SIZE, SecondStage
from keras_tsvae.models.second_stage_flow import SecondStageFlow
from keras_tsvae.models.second_stage_mixture import SecondStageMixture

HELD_OUT = 0.1
MOST_HELD_OUT = 1_000
FEWEST_HELD_OUT = 20  # for a standard error
STEPS_TO_CHOOSE = 8  # of the integration; exact densities are the most work of all
_ROWS_AT_ONCE = 256
_Z_SEED = 1
_CODES = ("", "flow", "mixture")


class _FlowFirst(keras.callbacks.Callback):
    """Lets the stage be its flow when a training begins, which starts at its own mixture."""

    def __init__(self, posteriors):
        super().__init__()
        self.posteriors = posteriors

    def on_train_begin(self, logs=None):
        stage = self.model
        stage.forget_choice()
        if stage.flow.mixture_rounds and ops.convert_to_numpy(stage.flow.steps_averaged) == 0:
            stage.flow.fit_mixture(self.posteriors, self.params["verbose"])


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SecondStageAuto(SecondStage):
    r"""A Gaussian mixture of latent vectors, or a flow where held-out ones say that it is better.

    `fit` trains a `SecondStageFlow`, in the epochs and with the callbacks that it is given, and
    then fits a `SecondStageMixture`. Of posteriors that neither was trained on, z is drawn once
    each. The flow is chosen if it beats the mixture in the mean of log p(z)

    - by more than 0.05 nats, and more than two standard errors of the difference on these z, and
    - does not draw training posteriors again: its share of samples near to them is, within three
      standard errors, no larger than that of the mixture or of the held-out z themselves (see
      `keras_tsvae.metrics.latent_replay`).

    Otherwise it is the mixture, which then samples as fast as one. `fit` prints what it chose and
    why, and `choice` keeps it. What is held out are `validation_data` or, without any, a random
    tenth of the posteriors, at most 1,000, which then are not trained on; a batch remains. Where
    there are less than 20 to hold out, none are, and it is the mixture.

    While it is trained, callbacks see the flow, and so does a file that they write. A later `fit`
    goes on with the flow, fits the mixture anew and chooses again.

    Args:
        latent_dim: Positive int, the width of z and of u.
        num_components: Positive int, of the mixture to choose, or None: as many as describe
            held-out posteriors best. Defaults to None.
        mixture_rounds: Positive int, rounds of expectation maximisation at the most, of that
            mixture and of the one that the flow starts from. Defaults to 20.
        width: Positive int, units of each hidden layer of the flow's velocity. Defaults to 384.
        depth: Positive int, hidden layers of it. Defaults to 3.
        condition_dim: Positive int, the width of the conditions that posteriors come with. Defaults
            to None: there are none.
        seed: Non-negative int, of the mixtures' starts and of what is held out. Defaults to 0.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`.

    Attributes:
        flow: The `SecondStageFlow`.
        mixture: The `SecondStageMixture`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> model = keras_tsvae.TwoStageVAE(first, keras_tsvae.SecondStageAuto(latent_dim=16))
        >>> model.compile(second_stage_optimizer=keras_tsvae.optimizers.FusedAdam(1e-3))
        >>> model.fit(images, epochs=20, second_stage_epochs=30, second_stage_batch_size=256)
        >>> model.second_stage.choice.chosen
        'flow'
    """

    def __init__(
        self,
        latent_dim: int,
        num_components: int | None = None,
        mixture_rounds: int = 20,
        width: int = 384,
        depth: int = 3,
        condition_dim: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, condition_dim=condition_dim, **kwargs)
        self.mixture_rounds = positive_int("mixture_rounds", mixture_rounds)
        self.mixture = SecondStageMixture(
            latent_dim, num_components, condition_dim, seed, name="mixture"
        )
        self.flow = SecondStageFlow(
            latent_dim,
            mixture_rounds=mixture_rounds,
            width=width,
            depth=depth,
            condition_dim=condition_dim,
            seed=seed,
            dtype=self.dtype_policy,
            name="flow",
        )
        self._chosen = self.add_weight(  # 0 while nothing is chosen, 1 the flow, 2 the mixture
            name="chosen",
            shape=(1 + len(dataclasses.fields(Choice)),),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    @property
    def choice(self) -> Choice | None:
        """What the last fit chose and why, with `chosen` and all figures; None without a fit."""
        code, held_out, *figures = ops.convert_to_numpy(self._chosen).tolist()
        return Choice(int(held_out), *figures) if code else None

    def chosen_stage(self) -> SecondStage:
        """Returns the flow, or the mixture if the last fit chose it."""
        return self.flow if ops.convert_to_numpy(self._chosen)[0] < 2.0 else self.mixture

    def forget_choice(self) -> None:
        """Lets the stage be its flow, until the next fit chooses."""
        self._chosen.assign(np.zeros(self._chosen.shape, "float32"))

    def conditioned(
        self, condition_dim: int, conditioning: str = "modulate", **kwargs: Any
    ) -> "SecondStageAuto":
        """Returns a new, untrained stage for conditions, whatever `conditioning`."""
        config = {**self.get_config(), "condition_dim": condition_dim, **kwargs}
        return SecondStageAuto(**{k: v for k, v in config.items() if k != "name"})

    def own_callbacks(self, posteriors: Posteriors) -> list[keras.callbacks.Callback]:
        """Returns what prepares the flow when a training begins."""
        return [_FlowFirst(posteriors)]

    def fit_checked(
        self,
        x: PosteriorsLike,
        y: ArrayLike | None = None,
        *,
        validation_data: Any = None,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """As `fit`, whose arguments, but for the posteriors, have been checked."""
        posteriors, held_out = self._posteriors(x, y), None
        if validation_data is not None:
            held_out = validation_data = self._posteriors(validation_data, name="validation_data")
        else:
            size, steps = (arguments.get(name) for name in ("batch_size", "steps_per_epoch"))
            trained_on = (size or BATCH_SIZE) * (steps or 1)
            n = min(int(HELD_OUT * len(posteriors)), MOST_HELD_OUT, len(posteriors) - trained_on)
            if n >= FEWEST_HELD_OUT:
                posteriors, held_out = hold_out(posteriors, n, self.mixture.seed)
        history = super().fit_checked(posteriors, validation_data=validation_data, **arguments)
        if not arguments["backup"].is_done(self.title, arguments["epochs"]):
            self._choose(posteriors, held_out, arguments["verbose"])
        return history

    def _choose(self, train, held_out, verbose):
        """Fits the mixture, chooses and says so."""
        if verbose:
            print("Mixture to choose, or the flow")
        train_part(self.mixture, train, self.mixture_rounds, verbose)
        choice = Choice()
        train = of_all_processes(train)
        held_out = None if held_out is None else of_all_processes(held_out)
        if held_out is not None and len(held_out) >= FEWEST_HELD_OUT and len(train) > 1:
            if len(held_out) > MOST_HELD_OUT:
                _, held_out = hold_out(held_out, MOST_HELD_OUT, self.mixture.seed)
            choice = self._measured(train, held_out)
        figures = np.array(dataclasses.astuple(choice), "float32")
        chosen = Choice(*figures.tolist()).chosen
        self._chosen.assign(np.concatenate([[np.float32(_CODES.index(chosen))], figures]))
        if verbose:
            print(f"{type(self).__name__}: {choice}")

    def _measured(self, train, held_out):
        """Returns the `Choice` on held-out posteriors."""
        arrays = (draw(held_out, _Z_SEED).astype("float32"), *held_out.arrays[2:])
        arrays = arrays if self.condition_dim is not None else arrays[:1]
        size = min(len(held_out), _ROWS_AT_ONCE)
        measured = batched(self._compiled(self._both_log_probs, size), arrays, size)
        flow, mixture = collect(measured, len(held_out)).astype("float64").T
        replay = latent_replay(self.mixture, train, held_out)
        try:
            of_flow = latent_replay(self.flow, train, held_out)["replay"]
        except DivergedError:  # which may show in samples alone
            of_flow = float("nan")
        error = np.std(flow - mixture, ddof=1) / np.sqrt(len(flow))
        means = float(flow.mean()), float(mixture.mean())
        shares = of_flow, replay["replay"], replay["replay_fair"]
        return Choice(len(flow), *means, float(error), *shares)

    def _both_log_probs(self, z, condition=None):
        """Returns log p(z) of the flow, to 0.01 nats or so, and of the mixture, `(batch, 2)`."""
        flow = self.flow.log_prob_batch(z, condition, STEPS_TO_CHOOSE)
        return ops.stack([flow, self.mixture.log_prob_batch(z, condition)], -1)

    def loss_terms(self, data: Any, training: bool = False) -> dict[str, Tensor]:
        """Returns `loss`, that of the flow; 0 where the mixture was chosen."""
        loss = self.flow.loss_terms(data, training)["loss"]
        return {"loss": loss if training else ops.where(self._is_flow(), loss, 0.0 * loss)}

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """Returns z, which `decode` gives back of what `encode` makes of it."""
        return inputs if self.condition_dim is None else inputs[0]

    def encode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns u, with zeros for its standard deviation, stacked: `(batch, 2, d)`."""
        return self._of_chosen("encode_batch", z, condition)

    def decode_batch(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns z of one batch of u, as a tensor."""
        return self._of_chosen("decode_batch", u, condition)

    def generate_batch(self, u: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns samples of z for one batch of standard normal noise."""
        return self._of_chosen("generate_batch", u, noise, condition)

    def log_prob_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the log density of one batch of z, in nats."""
        return self._of_chosen("log_prob_batch", z, condition)

    def _of_chosen(self, name, *arguments):
        """Returns a function's value of the flow or of the mixture; the other is not computed."""
        return ops.cond(
            self._is_flow(),
            lambda: getattr(self.flow, name)(*arguments),
            lambda: getattr(self.mixture, name)(*arguments),
        )

    def _is_flow(self):
        return ops.convert_to_tensor(self._chosen)[0] < 2.0

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.mixture.num_components,
            "mixture_rounds": self.mixture_rounds,
            "width": self.flow.width,
            "depth": self.flow.depth,
            "seed": self.mixture.seed,
        }
