"""Ends a training whose loss is no longer finite."""

import keras
import numpy as np

REMEDY = (
    "a lower learning rate, `clipnorm` in the optimizer, or a `gamma` that is 'computed' or fixed"
)


class Divergence(keras.callbacks.Callback):
    """Stops a training at the end of the first epoch whose loss is NaN or infinite.

    Args:
        what: What is trained, in messages, such as `"stage 1"`.
        remedy: What helps.

    Attributes:
        epoch: Int, the epoch in which it was found, counted from 0; None as long as all is well.
    """

    def __init__(
        self, what: str, remedy: str = "a lower learning rate, or `clipnorm` in the optimizer"
    ) -> None:
        super().__init__()
        self.what, self.remedy = what, remedy
        self.epoch: int | None = None
        self.loss: float | None = None
        self._last: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the loss, after the callbacks of the user."""
        loss = (logs or {}).get("loss", 0.0)
        self._last = epoch
        if not np.isfinite(loss):
            self.epoch, self.loss = epoch, loss
            self.model.stop_training = True

    def check(self) -> None:
        """Raises a `FloatingPointError` if the training has diverged; to be called at its end.

        The last step can do that after the last loss was measured: weights are looked at, too.
        """
        found = f"its loss is {self.loss}"
        if self.epoch is None and self._last is not None:
            values = map(keras.ops.convert_to_numpy, self.model.trainable_variables)
            if not all(np.isfinite(value.astype("float32")).all() for value in values):
                self.epoch, found = self._last, "its weights are not finite"
        if self.epoch is not None:
            raise diverged(self.what, self.epoch, found, self.remedy)


def diverged(what: str, epoch: int, found: str, remedy: str = REMEDY) -> FloatingPointError:
    """Returns the error of a training that has diverged.

    Args:
        what: What is trained, such as `"stage 1"`.
        epoch: Int, counted from 0.
        found: How it shows, a clause.
        remedy: What helps.
    """
    return FloatingPointError(
        f"{what.capitalize()} has diverged in epoch {epoch + 1}: {found}, and the training was "
        f"stopped. What helps: {remedy}."
    )
