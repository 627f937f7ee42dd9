"""How a mixture is fitted as a second stage: rounds of expectation maximisation as epochs."""

import typing

import keras
import numpy as np

from keras_tsvae.arrays.columns import Columns
from keras_tsvae.latents.expectation_maximisation import ExpectationMaximisation
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.posterior_inputs import of_all_processes
from keras_tsvae.training.descriptions import describe_fit
from keras_tsvae.training.no_backup import NO_BACKUP, NoBackup

CANDIDATES = (1, 2, 5, 10, 20, 50, 100)
ROUNDS_TO_CHOOSE = 5
HELD_OUT = 0.1
ROWS_TO_CHOOSE = 20_000  # posteriors that the number of components is chosen by, at the most
FEWEST_EACH = 20  # examples of a component, when many are tried
MOST_TRIED_SINCE = 2  # numbers of components that gain nothing
CONVERGED = 1e-4  # nats that a round gains at the least
CONDITION_STD = 0.1  # of conditions, so that those of few values have a density


def train_mixture(
    stage: typing.Any,
    posteriors: Posteriors,
    *,
    epochs: int,
    initial_epoch: int,
    verbose: int | str,
    callbacks: list[keras.callbacks.Callback],
    validation_data: Posteriors | None,
    validation_freq: int | list[int],
    backup: NoBackup = NO_BACKUP,
    **others: typing.Any,
) -> keras.callbacks.History:
    """Fits a `SecondStageMixture` anew, or from where a backup was written.

    Each epoch is a round; the last one gains hardly anything.

    Args:
        stage: The mixture.
        posteriors: What it is fitted to.
        epochs: Rounds at the most.
        initial_epoch: As in `keras.Model.fit`.
        verbose: As in `keras.Model.fit`.
        callbacks: Callbacks, as `keras.Model.fit` calls them.
        validation_data: Held-out posteriors, or None.
        validation_freq: As in `keras.Model.fit`.
        backup: That of the training. Defaults to none.
        **others: Arguments of a fit that say how batches of gradients are cut.

    Returns:
        The `History` of `loss`, and `val_loss` of validation data, in nats.
    """
    fitting = _Fitting(stage, of_all_processes(posteriors), verbose)
    options = {"validation_data": validation_data}
    backup.begin(stage, lambda: describe_fit(stage, posteriors, options))
    if backup.is_done(stage.title, epochs):
        return backup.kept_history(stage.title, stage)
    watch = backup.watch(stage.title, stage, [fitting, *callbacks], epochs, initial_epoch)
    watching = keras.callbacks.CallbackList(
        watch.callbacks,
        add_history=True,
        add_progbar=verbose != 0,
        verbose=verbose,
        model=stage,
        epochs=watch.epochs,
        steps=1,
    )
    stage.stop_training = False
    watching.on_train_begin()
    for epoch in range(watch.initial_epoch, watch.epochs):
        watching.on_epoch_begin(epoch)
        watching.on_train_batch_begin(0)
        bound = fitting.round()
        logs = {"loss": -bound}
        watching.on_train_batch_end(0, logs)
        if validation_data is not None and _validates(validation_freq, epoch):
            measured = stage.evaluate(validation_data, verbose=0, return_dict=True)
            logs |= {f"val_{name}": value for name, value in measured.items()}
        watching.on_epoch_end(epoch, logs)
        if stage.stop_training:
            break
    watching.on_train_end()
    backup.complete(stage.title, stage.history)
    return stage.history


class _Fitting(keras.callbacks.Callback):
    """The rounds of a fit, which a backup keeps as what a callback remembers."""

    def __init__(self, stage, posteriors, verbose):
        super().__init__()
        self._start = lambda at=None: _start(stage, posteriors, verbose, at)
        self._stage, self._rounds, self._best = stage, None, -np.inf

    def round(self):
        """Makes one, and returns its bound; the training stops if that is hardly any better."""
        if self._rounds is None:
            self._rounds = self._start()
        rounds = self._rounds
        bound = rounds.round()
        self._stage.assign_components(rounds.weights, rounds.means, rounds.cholesky)
        if bound - self._best < CONVERGED:
            self._stage.stop_training = True
        self._best = bound
        return bound

    def state_dict(self):
        """Returns the mixture as exactly as the next round needs it."""
        rounds = self._rounds
        if rounds is None:
            return None
        mixture = {"weights": rounds.weights, "means": rounds.means, "cholesky": rounds.cholesky}
        return {**mixture, "best": self._best}

    def load_state_dict(self, state):
        if state is not None:
            mixture = tuple(state[name] for name in ("weights", "means", "cholesky"))
            self._rounds, self._best = self._start(mixture), state["best"]


def train_part(
    mixture: typing.Any, posteriors: Posteriors, rounds: int, verbose: int | str
) -> None:
    """Fits a `SecondStageMixture` that is part of another stage, without callbacks of its own."""
    train_mixture(
        mixture,
        posteriors,
        epochs=rounds,
        initial_epoch=0,
        verbose=verbose,
        callbacks=[],
        validation_data=None,
        validation_freq=1,
    )


def _start(stage, posteriors, verbose, at):
    """Returns the rounds to be made, from a seeded start, or from the mixture `at`."""
    mean, std = _joint(posteriors, stage.condition_dim is not None)
    rng = np.random.default_rng(stage.seed)
    components = stage.num_components if at is None else len(at[0])
    if components is None:
        components = choose_components(mean, std, rng)
        if verbose:
            print(f"{components} components, chosen by held-out log likelihood")
    return ExpectationMaximisation(mean, std, min(components, len(mean)), rng, at=at)


def _joint(posteriors, conditioned):
    """Returns means and deviations of z, or of the pairs (c, z), whose rows are read as used."""
    if not conditioned:
        return posteriors.mean, posteriors.std
    spread = np.broadcast_to(np.float32(CONDITION_STD), posteriors.condition.shape)
    return (
        Columns(posteriors.condition, posteriors.mean),
        Columns(spread, posteriors.std),
    )


def choose_components(
    mean: np.ndarray | Columns, std: np.ndarray | Columns, rng: np.random.Generator
) -> int:
    """Returns the number of components under which held-out posteriors are most probable.

    More and more are tried until a tenth of the posteriors, held out, gains nothing twice. So a
    component that draws single examples again is not chosen: it has no held-out ones to gain. Of
    more than 20,000 posteriors, a random choice of so many is used, the only ones in memory.

    Args:
        mean: Array `(n, d)`, or a memory map.
        std: Array of the same shape.
        rng: Of the split and the starts.
    """
    if len(mean) < 2:
        return 1
    rows = rng.permutation(len(mean))[:ROWS_TO_CHOOSE]
    cut = max(int(HELD_OUT * len(rows)), 1)
    held_out, kept = (
        [np.asarray(array[np.sort(part)], "float32") for array in (mean, std)]
        for part in (rows[:cut], rows[cut:])
    )
    best, best_bound, tried_since = 1, -np.inf, 0
    for components in CANDIDATES:
        if components > 1 and components * FEWEST_EACH > len(kept[0]):
            break
        fitted = ExpectationMaximisation(kept[0], kept[1], components, rng)
        for _ in range(ROUNDS_TO_CHOOSE):
            fitted.round()
        bound = fitted.bound(held_out[0], held_out[1])
        tried_since = 0 if bound > best_bound else tried_since + 1
        if tried_since == 0:
            best, best_bound = components, bound
        elif tried_since == MOST_TRIED_SINCE:
            break
    return best


def _validates(freq, epoch):
    return (epoch + 1) % freq == 0 if isinstance(freq, int) else epoch + 1 in freq
