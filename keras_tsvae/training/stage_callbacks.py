"""A user's callbacks in the fit of one stage of a model of two."""

import weakref
from collections.abc import Iterable
from typing import Any

import keras

from keras_tsvae.training.waiting_callbacks import WaitingCallbacks


class StageCallbacks(WaitingCallbacks):
    """Callbacks of a stage's fit whose `model` is the whole model that the stage is part of.

    Each callback sees one training per stage, and the stages are kept apart: a `ModelCheckpoint`
    compares the losses of one stage only, over several fits, and a `CSVLogger` that watches both
    writes one table. Used as a context around the stage's fit, which leaves the callbacks as it
    found them, but for what they have seen.

    Args:
        callbacks: List of `keras.callbacks.Callback`.
        whole: The whole model.
        stage: The stage's name.
        earlier: The callbacks that have watched the other stage in the same fit. Defaults to none.
    """

    def __init__(
        self,
        callbacks: list[keras.callbacks.Callback],
        whole: keras.Model,
        stage: str,
        earlier: Iterable[keras.callbacks.Callback] = (),
    ) -> None:
        self._whole = whole
        self._stage = stage
        self._loggers = [
            (logger, logger.append, logger.append_header, logger.keys)
            for logger in callbacks
            if isinstance(logger, keras.callbacks.CSVLogger) and any(logger is c for c in earlier)
        ]
        super().__init__(callbacks)

    def __enter__(self) -> "StageCallbacks":
        """Prepares the callbacks for this stage, which is in training from now on."""
        self._whole._stage_in_training = self._stage
        for checkpoint in self._of_kind(keras.callbacks.ModelCheckpoint):
            _Best.recall(checkpoint, self._stage)
        for callback in self._of_kind(keras.callbacks.SwapEMAWeights):
            callback._ema_weights_in_model = False  # of this stage, whatever it left in the other
        for logger, *_ in self._loggers:
            logger.append = True
        return self

    def __exit__(self, *error: Any) -> None:
        """Keeps what they have seen of this stage, and gives back what was changed for it."""
        self._whole._stage_in_training = None
        for checkpoint in self._of_kind(keras.callbacks.ModelCheckpoint):
            _Best.keep(checkpoint, self._stage)
        for logger, append, append_header, _ in self._loggers:
            logger.append, logger.append_header = append, append_header

    def _of_kind(self, kind):
        return [callback for callback in self.callbacks if isinstance(callback, kind)]

    def set_model(self, model: keras.Model | None) -> None:
        """Passes the whole model on, whichever model the fit names.

        `SwapEMAWeights` gets the stage: older Keras takes all that is trainable of its
        model for what the optimiser trains.
        """
        if model is not None:
            super().set_model(self._whole)
            for callback in self._of_kind(keras.callbacks.SwapEMAWeights):
                callback.set_model(self._whole.stages()[self._stage])

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins; a table that goes on keeps its columns."""
        super().on_train_begin(logs)
        for logger, *_, keys in self._loggers:
            logger.keys = keys


class _Best:
    """The best values that a checkpoint has seen, one for each stage.

    `start` is the one that both want to see beaten first, such as its `initial_value_threshold`.
    """

    _seen: weakref.WeakKeyDictionary[keras.callbacks.Callback, "_Best"] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, start):
        self.start = self.last = start
        self.stages = {}

    @classmethod
    def recall(cls, checkpoint, stage):
        """Lets a checkpoint go on from its best value of a stage, or from one its user has set."""
        known = cls._seen.get(checkpoint)
        if known is None or known.last is not checkpoint.best:
            known = cls._seen[checkpoint] = cls(checkpoint.best)
        checkpoint.best = known.stages.get(stage, known.start)

    @classmethod
    def keep(cls, checkpoint, stage):
        """Remembers the best value that a checkpoint has seen of a stage."""
        known = cls._seen[checkpoint]
        known.stages[stage] = known.last = checkpoint.best
