"""Models that Keras can export, whether or not they have been called."""

from typing import Any

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend.keras_internals import NoDefaultSignature
from keras_tsvae.files import expanded


class Exportable(NoDefaultSignature):
    """A `keras.Model` whose `export` knows what the model takes.

    Keras asks it of the first call, which `fit` of this package's models does not make. Subclasses
    have `input_shapes`.
    """

    @property
    def input_shapes(self) -> tuple[int, ...] | list[tuple[int, ...]]:
        """The shapes of what a call takes, without the batch: a tuple, or a list of tuples."""
        raise NotImplementedError

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Writes what calling the model computes, as `keras.Model.export` does.

        Args:
            filepath: Path of the artifact; `~` is expanded.
            format: As in `keras.Model.export`. Defaults to `"tf_saved_model"`.
            input_signature: As in `keras.Model.export`. Defaults to None: float32 batches of any
                length.
            **kwargs: Further arguments of `keras.Model.export`.

        Raises:
            ValueError: If the model is not built, or `filepath` is not that of a local file.
        """
        filepath = expanded(filepath)
        if not self.built:
            raise ValueError(
                "The model must be built before it can be exported. "
                f"Received: {type(self).__name__} {self.name!r} without weights"
            )
        if input_signature is None:
            shapes = self.input_shapes
            several = isinstance(shapes, list)
            specs = [_spec(shape) for shape in (shapes if several else [shapes])]
            input_signature = [specs] if several else specs
        super().export(str(filepath), format=format, input_signature=input_signature, **kwargs)


def _spec(shape):
    return keras.InputSpec(shape=(None, *shape), dtype="float32")
