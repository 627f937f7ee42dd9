"""What every fit takes beside its data, checked alike before the first step."""

import typing
from typing import Any

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.training.no_backup import NoBackup

_REFUSED = {
    "validation_split": "give images held out as `validation_data`",
    "class_weight": "leave out, or repeat, images of a class instead",
    "sample_weight": "leave out, or repeat, images instead",
}


def refuse(method: str, arguments: dict[str, Any]) -> None:
    """Raises for keyword arguments that `method` does not take.

    Args:
        method: Its name.
        arguments: Dict of what it was given beyond its own arguments.

    Raises:
        ValueError: If it is one that `keras.Model` takes, unless it asks for nothing.
        TypeError: If there is no such argument.
    """
    for name, value in arguments.items():
        if name not in _REFUSED:
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")
        if value is not None and not (name == "validation_split" and value == 0):
            raise ValueError(
                f"`{name}` must not be given: every image counts alike in both stages' losses; "
                f"{_REFUSED[name]}. Received: type({name})={type(value).__name__}"
            )


def check_epochs(epochs: int, initial_epoch: int, prefix: str = "") -> None:
    """Raises a `ValueError` unless a fit can go from `initial_epoch` to `epochs`.

    Args:
        epochs: The last epoch's number.
        initial_epoch: How many are done already.
        prefix: What stands before both names in messages.
    """
    non_negative_int(f"{prefix}epochs", epochs)
    if non_negative_int(f"{prefix}initial_epoch", initial_epoch) > epochs:
        raise ValueError(
            f"`{prefix}initial_epoch` must not exceed `{prefix}epochs`, which counts the epochs "
            f"that are done already. Received: {prefix}initial_epoch={initial_epoch}, "
            f"{prefix}epochs={epochs}"
        )


def check_steps(
    shuffle: bool = True, validation_freq: int | list[int] = 1, **sizes: int | None
) -> None:
    """Raises a `ValueError` unless these are as `keras.Model.fit` takes them.

    Args:
        shuffle: A bool.
        validation_freq: Positive int, or a list of epochs, counted from 1.
        **sizes: Positive ints or None, by their names.
    """
    if not isinstance(shuffle, (bool, np.bool_)):
        raise ValueError(f"`shuffle` must be True or False. Received: shuffle={shuffle!r}")
    if isinstance(validation_freq, list):
        for epoch in validation_freq:
            positive_int("validation_freq", epoch)
    else:
        positive_int("validation_freq", validation_freq)
    for name, size in sizes.items():
        if size is not None:
            positive_int(name, size)


def check_averaged(
    callbacks: list[keras.callbacks.Callback], optimizer: keras.optimizers.Optimizer, title: str
) -> None:
    """Raises a `ValueError` if a `SwapEMAWeights` is to watch an optimiser that averages nothing.

    Args:
        callbacks: List of `keras.callbacks.Callback`.
        optimizer: A Keras optimiser.
        title: What is trained, in messages.
    """
    averages = getattr(optimizer, "inner_optimizer", optimizer).use_ema
    if not averages and any(isinstance(c, keras.callbacks.SwapEMAWeights) for c in callbacks):
        raise ValueError(
            f"`callbacks` of {title} must not hold a `SwapEMAWeights` unless its optimizer has "
            f"`use_ema=True`. Received: use_ema={averages}"
        )


def callback_list(callbacks: Any, both_stages: bool = False) -> list[keras.callbacks.Callback]:
    """Returns what a user passes as `callbacks` as a new, flat list.

    Args:
        callbacks: A `keras.callbacks.Callback`, a `CallbackList`, any nest of them, or None.
        both_stages: Whether they are to watch a fit of two stages.

    Raises:
        ValueError: If something else is among them, or one that cannot work across two stages.
    """
    flat = []
    for callback in keras.tree.flatten(callbacks):
        if isinstance(callback, keras.callbacks.CallbackList):
            flat += callback.callbacks
        elif callback is not None:
            flat.append(callback)
    for callback in flat:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "`callbacks` must hold instances of keras.callbacks.Callback. "
                f"Received: type(callback)={type(callback).__name__}"
            )
        if both_stages and isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not hold Keras's `BackupAndRestore`, which knows nothing of a "
                "training in two stages: `keras_tsvae.callbacks.BackupAndRestore` does. "
                f"Received: {callback}"
            )
    return flat


def started_backup(callbacks: list[keras.callbacks.Callback]) -> NoBackup:
    """Returns the backup of a fit that one of its callbacks asks for, if one does.

    Args:
        callbacks: Flat list of callbacks.

    Raises:
        ValueError: If several ask for one.
    """
    asking: typing.Any = {id(c): c for c in callbacks if hasattr(c, "start_backup")}
    if len(asking) > 1:
        raise ValueError(
            "`callbacks` must not hold more than one `BackupAndRestore`, which keeps all of a "
            f"training. Received: {len(asking)}"
        )
    return next(iter(asking.values())).start_backup() if asking else NoBackup()


def without_backups(callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that do not ask for a backup."""
    return [callback for callback in callbacks if not hasattr(callback, "start_backup")]
