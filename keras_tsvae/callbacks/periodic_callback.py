"""What the callbacks of this package have in common: when they look at a model, and copies."""

import copy
import typing

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.callbacks.stages import check_watchable, stage_in_training


class PeriodicCallback(keras.callbacks.Callback):
    """Looks at a model at the end of some epochs.

    After the first epoch of each stage's training, after every `every`-th, and after the last:
    that which `fit` was asked for, or that in which a callback listed before stops the training.
    What is found is added to the logs of these epochs alone.

    Subclasses say in `check_model` what they need of a model, in `look` what they find, and in
    `prepare` what is to be done once for each stage.

    Args:
        every: Positive int, epochs from one time to the next.
    """

    def __init__(self, every: int):
        super().__init__()
        self.every = positive_int("every", every)
        self.unmeasured: frozenset[str] = frozenset()  # keys of earlier logs that this epoch's lack
        self._keys: frozenset[str] | None = None  # of the logs; None before the first time

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` unless this callback can watch the training of `model`.

        Args:
            model: A built stage, or both stages as one model. It need not have been trained.
        """
        check_watchable(model)

    def prepare(self, stage: str) -> None:
        """Does what is needed once before `stage`, `"stage1"` or `"stage2"`, is trained."""

    def look(self, epoch: int, stage: str, logs: dict[str, typing.Any]) -> dict[str, float]:
        """Returns a dict of what is to be added to the logs."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, typing.Any] | None = None) -> None:
        """Checks the model, before anything is trained."""
        self.check_model(self.model)
        self.unmeasured = frozenset()
        self._keys = None
        self.prepare(stage_in_training(self.model))

    def on_epoch_end(self, epoch: int, logs: dict[str, typing.Any] | None = None) -> None:
        """Looks at the model, if it is due, and adds to the logs what is found."""
        if not self._is_due(epoch):
            self.unmeasured = self._keys or frozenset()
            return
        logs = {} if logs is None else logs
        found = self.look(epoch, stage_in_training(self.model), logs)
        self._keys, self.unmeasured = frozenset(found), frozenset()
        logs.update(found)

    def _is_due(self, epoch):
        is_first = self._keys is None
        is_last = epoch + 1 == (self.params or {}).get("epochs") or self.model.stop_training
        return is_first or is_last or (epoch + 1) % self.every == 0

    def state_dict(self) -> dict[str, typing.Any]:
        """Returns what a backup keeps of this callback."""
        keys = None if self._keys is None else sorted(self._keys)
        return {"keys": keys, "unmeasured": sorted(self.unmeasured)}

    def load_state_dict(self, state: dict[str, typing.Any]) -> None:
        """Takes up what `state_dict` of another one returned."""
        self._keys = None if state["keys"] is None else frozenset(state["keys"])
        self.unmeasured = frozenset(state["unmeasured"])

    def __getstate__(self) -> dict[str, typing.Any]:
        """Returns what copies and pickles hold: not the model that is being watched."""
        return {**self.__dict__, "_model": None}

    def __deepcopy__(self, memo: dict[int, typing.Any]) -> "PeriodicCallback":
        """Returns a copy that shares models given to the constructor, and watches none."""
        state = self.__getstate__()
        memo.update({id(v): v for v in state.values() if isinstance(v, keras.Model)})
        memo[id(self)] = new = type(self).__new__(type(self))
        new.__dict__.update(copy.deepcopy(state, memo))
        return new
