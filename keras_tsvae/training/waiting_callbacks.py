"""Callbacks that watch a figure which is not measured in every epoch."""

from typing import Any

import keras


class WaitingCallbacks(keras.callbacks.CallbackList):
    """Callbacks, of which those that watch a figure wait while it is not measured.

    Where a figure that it monitors is missing, Keras's `ModelCheckpoint` saves what may not be the
    best, and others warn in every epoch. Here they are left out at the end of an epoch if a
    callback listed before says, by its attribute `unmeasured`, that the figure was there before
    and is not in this epoch. So are those that write the figure into the name of a file.

    To be passed to `fit` within a list, which takes care of the History and the progress bar.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Passes the logs on as they are, so that what one callback adds is seen outside."""
        missing: set[str] = set()
        for callback in self.callbacks:
            if not any(_needs(callback, key) for key in missing):
                callback.on_epoch_end(epoch, logs)
            missing.update(getattr(callback, "unmeasured", ()))


def waiting(callbacks: Any) -> Any:
    """Returns what a user passes as `callbacks`, made to wait where one measures now and then."""
    flat = keras.tree.flatten(callbacks)
    if not any(hasattr(callback, "unmeasured") for callback in flat):
        return callbacks
    kept = (keras.callbacks.History, keras.callbacks.ProgbarLogger)  # which Keras looks for
    own = [callback for callback in flat if isinstance(callback, kept)]
    return [WaitingCallbacks([callback for callback in flat if callback not in own]), *own]


def _needs(callback: keras.callbacks.Callback, key: str) -> bool:
    """Whether a callback does something at the end of an epoch that depends on a figure."""
    watches = getattr(callback, "monitor", None) == key
    names = any(f"{{{key}{end}" in str(getattr(callback, "filepath", "")) for end in "}:!")
    return names or (watches and getattr(callback, "save_best_only", True))
