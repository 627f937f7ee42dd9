"""What every model of this package shares: how it is saved."""

import contextlib
import typing

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend import Inference
from keras_tsvae.files import expanded, written_beside
from keras_tsvae.saving.model_folder import may_be_replaced, without_distribution
from keras_tsvae.saving.preset_folders import PresetFolders
from keras_tsvae.saving.whole_weights import WholeWeights
from keras_tsvae.training.waiting_callbacks import waiting


class BaseModel(PresetFolders, WholeWeights, Inference, keras.Model):
    """A `keras.Model` that refuses to be saved unbuilt and is never saved or loaded by halves."""

    built: bool

    def save(
        self,
        filepath: PathLike,
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        """Saves architecture, weights, compile and optimiser state to a `.keras` file.

        Load it with `keras.saving.load_model(filepath)`, after `import keras_tsvae`.

        Args:
            filepath: Path of a local file that ends in `.keras`, or of a folder that does not;
                `~` is expanded.
            overwrite: Whether an existing file, or a folder that holds a model, may be replaced.
                Defaults to True.
            zipped: False to write a folder in place of a `.keras` file. Defaults to None: a file.
            include_optimizer: Whether how the model is compiled, and the state of its optimisers,
                are saved. Without them the file is a third as long (of Adam's), for those who do
                not train the model any further; they would have to `compile` it. Defaults to True.
            **kwargs: Further arguments of `keras.Model.save`.

        Raises:
            ValueError: If the model has not been built, `filepath` is not as described, or it
                exists and may not be replaced.
        """
        self.require_built("saved")
        filepath, zipped = expanded(filepath), zipped is None or bool(zipped)
        if zipped != (filepath.suffix == ".keras"):
            rule = "must end in '.keras'" if zipped else "must not end in '.keras' if not `zipped`"
            raise ValueError(f"`filepath` {rule}. Received: filepath={str(filepath)!r}")
        if not zipped and not may_be_replaced(filepath):
            raise ValueError(
                "`filepath` must be the path of a new folder, an empty one, or one that a model "
                f"was saved to. Received: filepath={str(filepath)!r}"
            )
        if include_optimizer:
            self.build_optimizers()
        if filepath.exists() and not overwrite:
            raise ValueError(
                "`filepath` must not exist unless `overwrite` is True. "
                f"Received: filepath={str(filepath)!r}"
            )
        hidden = contextlib.nullcontext() if include_optimizer else self._uncompiled()
        with written_beside(filepath) as partial, without_distribution(), hidden:
            super().save(partial, overwrite=True, zipped=zipped, **kwargs)

    @contextlib.contextmanager
    def _uncompiled(self):
        """Lets what is compiled be as if it were not."""
        parts = self.stages().values() if hasattr(self, "stages") else (self,)
        compiled = [(part, part.optimizer) for part in parts if part.compiled]
        for part, _ in compiled:
            part.optimizer, part.compiled = None, False
        try:
            yield
        finally:
            for part, optimizer in compiled:
                part.optimizer, part.compiled = optimizer, True

    def fit(self, *args: typing.Any, **kwargs: typing.Any) -> keras.callbacks.History:
        """As `keras.Model.fit`; callbacks that watch a figure wait while it is not measured."""
        return super().fit(*args, **{**kwargs, "callbacks": waiting(kwargs.get("callbacks"))})

    def build_optimizers(self) -> None:
        """Creates the state of optimisers that have not made a step yet, so that it is saved."""
        raise NotImplementedError

    def require_built(self, what: str) -> None:
        """Raises a `ValueError` that says what can't be done before the model is built."""
        if not self.built:
            raise ValueError(
                f"The model must be built before it can be {what}: fit it, or call `build` with "
                "the shape of a batch, such as `(None, height, width, channels)`. "
                f"Received: {type(self).__name__} {self.name!r} without weights"
            )
