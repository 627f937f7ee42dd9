"""What callbacks remember of a training, so that it can be given back to others like them."""

import os
import pathlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_tsvae.files import written_beside

_REMEMBERED: tuple[tuple[type[keras.callbacks.Callback], tuple[str, ...]], ...] = (
    (
        keras.callbacks.EarlyStopping,
        ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    ),
    (
        keras.callbacks.ModelCheckpoint,
        ("best", "_batches_seen_since_last_saving", "_last_batch_seen"),
    ),
    (keras.callbacks.ReduceLROnPlateau, ("best", "wait", "cooldown_counter")),
    (keras.callbacks.SwapEMAWeights, ("_ema_weights_in_model",)),
)


def states_of(callbacks: Iterable[keras.callbacks.Callback]) -> dict[str, Any]:
    """Returns what callbacks remember, by their class and how many of it come before.

    Args:
        callbacks: Keras's, of which those that remember anything are known here, or others with a
            method `state_dict`.
    """
    return {name: _state_of(callback) for name, callback in _named(callbacks)}


def restore_states(
    callbacks: Iterable[keras.callbacks.Callback], states: dict[str, Any], ended: bool = False
) -> None:
    """Gives callbacks what `states_of` has found in others.

    Args:
        callbacks: Callbacks like those; of others nothing is known.
        states: Dict of states.
        ended: Whether the stage that they have watched has ended, and another one comes. Then a
            checkpoint compares no more with the best that it has seen. Defaults to False.
    """
    for name, callback in _named(callbacks):
        state = states.get(name)
        if state is None:
            continue
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.keys = state["keys"]
        elif hasattr(callback, "load_state_dict"):
            callback.load_state_dict(state)
        else:
            for attribute in _remembered(callback):
                if not (ended and attribute == "best"):
                    setattr(callback, attribute, state[attribute])


def restore_tables(
    callbacks: Iterable[keras.callbacks.Callback], states: dict[str, Any]
) -> list[keras.callbacks.CSVLogger]:
    """Writes the files of `CSVLogger`s as they were, to be continued; returns the loggers.

    Rows of later epochs, which are made again, are left out.
    """
    loggers = []
    for name, callback in _named(callbacks):
        if isinstance(callback, keras.callbacks.CSVLogger) and name in states:
            with written_beside(callback.filename) as partial:
                partial.write_bytes(states[name]["file"].tobytes())
            callback.append = True
            loggers.append(callback)
    return loggers


def flattened(callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Returns a list of callbacks, in which there is no `CallbackList`."""
    flat = []
    for callback in callbacks:
        inside = isinstance(callback, keras.callbacks.CallbackList)
        flat += flattened(callback.callbacks) if inside else [callback]
    return flat


def _state_of(callback: keras.callbacks.Callback) -> dict[str, Any] | None:
    if hasattr(callback, "state_dict"):
        return callback.state_dict()
    if isinstance(callback, keras.callbacks.CSVLogger):
        there = os.path.exists(callback.filename)
        text = pathlib.Path(callback.filename).read_bytes() if there else b""
        return {"keys": callback.keys, "file": np.frombuffer(text, "uint8")}
    state = {attribute: getattr(callback, attribute) for attribute in _remembered(callback)}
    if state.get("best_weights") is not None:  # some of which are numbers
        state["best_weights"] = [np.asarray(weight) for weight in state["best_weights"]]
    return state or None


def _remembered(callback):
    """Returns the names of what one of Keras's callbacks remembers."""
    kinds = (attributes for cls, attributes in _REMEMBERED if isinstance(callback, cls))
    return next(kinds, ())


def _named(callbacks):
    """Returns pairs of a name and a callback, none of which is a `CallbackList`."""
    count: dict[str, int] = {}
    named = []
    for callback in flattened(callbacks):
        kind = type(callback).__name__
        named.append((f"{kind} {count.setdefault(kind, 0)}", callback))
        count[kind] += 1
    return named
