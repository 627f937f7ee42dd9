"""Models that are shared as folders."""

import contextlib
import typing

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend.keras_internals import ModelPart
from keras_tsvae.saving.addresses import FORMS, is_source
from keras_tsvae.saving.load_model import read_model
from keras_tsvae.saving.model_folder import write_model_folder


class PresetFolders(ModelPart):
    """Part of a `keras.Model` that is written to, and made of, folders that can be shared."""

    def save_to_preset(self, preset_dir: PathLike) -> None:
        """Writes a folder to share: `config.json`, `model.weights.h5`, `metadata.json`, `assets/`.

        How the model is compiled is left out, with the state of its optimisers. `from_preset` and
        `keras.saving.load_model` read the folder, on either backend; `keras_tsvae.hub.push` uploads
        one. It is whole or not there.

        Args:
            preset_dir: Path of a folder; `~` is expanded. One that holds a model and nothing else
                is replaced.

        Raises:
            ValueError: If the model is not built, or there is anything else at `preset_dir`.
        """
        if not self.built:
            raise ValueError(
                "The model must be built before it can be saved: fit it, or call `build`. "
                f"Received: {type(self).__name__} {self.name!r} without weights"
            )
        with self._uncompiled():
            write_model_folder(typing.cast(typing.Any, self), preset_dir, "preset_dir")

    @classmethod
    def from_preset(cls, name: PathLike) -> typing.Any:
        """Returns the model of a folder, or of a hub; its class may be a subclass of this one.

        Args:
            name: What `save_to_preset` or `save` wrote, by its path or its address:
                `"hf://user/model"` or `"hf://user/model@revision"` on Hugging Face's hub,
                `"kaggle://user/model/keras/variation"` on Kaggle's.

        Raises:
            ValueError: If there is no such model, it is of another class, or it cannot be read.
            ImportError: If the library that downloads is not installed.
            ConnectionError: If a download fails.
        """
        if not is_source(name):
            raise ValueError(f"`name` must be {', or '.join(FORMS)}. Received: name={name!r}")
        model = read_model(name, "name")
        if not isinstance(model, cls):
            raise ValueError(
                f"`name` must be that of a {cls.__name__}. Received: name={str(name)!r}, a "
                f"{type(model).__name__}, which `keras_tsvae.load_model` reads"
            )
        return model

    def _uncompiled(self) -> contextlib.AbstractContextManager[None]:
        """Lets what is compiled be as if it were not."""
        return contextlib.nullcontext()
