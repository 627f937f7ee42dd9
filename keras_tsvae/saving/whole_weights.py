"""Weights that are taken up whole or not at all."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from keras_tsvae.arrays.types import ArrayLike, PathLike
from keras_tsvae.backend.keras_internals import ModelPart
from keras_tsvae.files import expanded, written_beside
from keras_tsvae.reading.keras_files import check_weights


class WholeWeights(ModelPart):
    """Part of a `keras.Model` that stays as it is where weights given to it do not fit.

    Keras takes up those that fit, one after the other, and raises at the first that does not, or
    at the end.
    """

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Loads weights from a file, all of them or, if any does not fit, none.

        Args:
            filepath: Path of a file that `save_weights` or `save` wrote; `~` is expanded.
            skip_mismatch: Whether to load only those that fit. Defaults to False.
            **kwargs: Further arguments of `keras.Model.load_weights`.

        Raises:
            ValueError: If the model is not built, a weight is missing or of another shape, or the
                file is not there, is damaged, or asks for more memory than it may.
        """
        filepath = expanded(filepath)
        try:
            check_weights(filepath)
            with self._as_it_was_on_errors():
                super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
        except Exception as error:  # there is hardly an error that a damaged file cannot cause
            raise ValueError(
                "`filepath` must name a file of this model's weights. "
                f"Received: filepath={str(filepath)!r} ({str(error) or type(error).__name__})"
            ) from error

    def save_weights(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """As `keras.Model.save_weights`, to a local file, which is whole or not there.

        Args:
            filepath: Path that ends in `.weights.h5`; `~` is expanded.
            overwrite: Whether a file that exists is replaced, instead of asking. Defaults to True.
            **kwargs: Further arguments of `keras.Model.save_weights`. With `max_shard_size` there
                are several files, which are written in place.
        """
        filepath = expanded(filepath)
        if kwargs or not overwrite or not filepath.name.endswith(".weights.h5"):
            super().save_weights(filepath, overwrite=overwrite, **kwargs)
            return
        with written_beside(filepath) as partial:
            super().save_weights(partial)

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets the values of `weights` from a list of arrays, all or, if any does not fit, none."""
        with self._as_it_was_on_errors():
            super().set_weights(weights)

    def loaded_variables(self) -> list[keras.Variable]:
        """Returns all variables that weights in a file may change, the optimiser's among them."""
        optimizer = getattr(self, "optimizer", None)
        return [*self.variables, *(() if optimizer is None else optimizer.variables)]

    def loaded_attributes(self) -> dict[str, Any]:
        """Returns a dict of what else they may change."""
        return {}

    @contextlib.contextmanager
    def _as_it_was_on_errors(self) -> Iterator[None]:
        before = [(variable, ops.copy(variable.value)) for variable in self.loaded_variables()]
        attributes = self.loaded_attributes()
        try:
            yield
        except BaseException:
            for variable, value in before:
                variable.assign(value)
            for name, value in attributes.items():
                setattr(self, name, value)
            raise
