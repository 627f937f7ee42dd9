"""What a fit asks of its backup, where there is none."""

from collections.abc import Callable
from typing import Any

import keras

from keras_tsvae.training.watch import Watch


class NoBackup:
    """A training of which nothing is kept, and the interface of those of which something is.

    Used as a context around the training. Phases are what a training is made of: "the recognizer",
    "stage 1" and "stage 2".
    """

    def __enter__(self) -> "NoBackup":
        """Begins."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Ends."""

    def begin(self, model: keras.Model, describe: Callable[[], Any]) -> None:
        """Gives the model what is kept of this training, if that has not been done.

        Args:
            model: The whole model, built, with the state of its optimisers.
            describe: Returns what tells this training from others, in values that JSON can hold.
        """

    def is_done(self, phase: str, epochs: int) -> bool:
        """Whether a phase has been ended, and was asked for as many epochs at least."""
        return False

    def rewind(self) -> None:
        """Lets random numbers go on as if the fit had not drawn any since it got what was kept.

        To be called before a phase draws the seed of its data.
        """

    def watch(
        self,
        phase: str,
        model: keras.Model,
        callbacks: list[keras.callbacks.Callback],
        epochs: int,
        initial_epoch: int,
        data: Any = None,
        validation_data: Any = None,
    ) -> Watch:
        """Returns how a phase is to be fitted: from which epoch on, and by which callbacks watched.

        Args:
            phase: Its name.
            model: What is trained in it.
            callbacks: All that watch it.
            epochs: Its last epoch.
            initial_epoch: Its first one, if nothing is kept.
            data: What it is trained on, which goes on with its order.
            validation_data: What it is validated on, likewise.
        """
        return Watch(callbacks, epochs, initial_epoch)

    def skip(self, phase: str, data: Any, validation_data: Any = None) -> None:
        """Lets data be as a phase of earlier calls has left it."""

    def end(self, phase: str) -> None:
        """Keeps that a phase has ended, all of it."""

    def recall(self, phase: str, callbacks: list[keras.callbacks.Callback]) -> None:
        """Gives callbacks what those before have known at the end of a phase."""

    def complete(self, phase: str, history: keras.callbacks.History) -> None:
        """Puts all epochs of a phase into a History, those of earlier calls as well."""

    def kept_history(self, phase: str, model: keras.Model) -> keras.callbacks.History:
        """Returns the History of a phase of earlier calls, which the model has now."""
        model.history = keras.callbacks.History()
        model.history.set_model(model)
        self.complete(phase, model.history)
        return model.history

    def kept_file(self, name: str, path: Any, belongs_to: str) -> bool:
        """Whether a file is the one that `keep_file` was told of, and belongs to the same."""
        return False

    def keep_file(self, name: str, path: Any, belongs_to: str) -> None:
        """Keeps that a file has been written, and what it belongs to."""


NO_BACKUP = NoBackup()
