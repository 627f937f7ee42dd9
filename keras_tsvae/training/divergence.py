"""Ends a training whose loss is no longer finite."""

import keras
import numpy as np


class Divergence(keras.callbacks.Callback):
    """Stops a training at the end of the first epoch whose loss is NaN or infinite.

    Args:
        what: What is trained, in messages, such as `"stage 1"`.
        remedy: What helps.

    Attributes:
        epoch: Int, the epoch in which it was found, counted from 0; None as long as all is well.
    """

    def __init__(self, what, remedy="a lower learning rate, or `clipnorm` in the optimizer"):
        super().__init__()
        self.what, self.remedy = what, remedy
        self.epoch = None
        self.loss = None

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the loss, after the callbacks of the user."""
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            self.epoch, self.loss = epoch, loss
            self.model.stop_training = True

    def check(self):
        """Raises a `FloatingPointError` if the training has diverged; to be called at its end."""
        if self.epoch is not None:
            raise FloatingPointError(
                f"{self.what.capitalize()} has diverged in epoch {self.epoch + 1}: its loss is "
                f"{self.loss}, and the training was stopped. What helps: {self.remedy}."
            )
