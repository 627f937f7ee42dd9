"""Which pictures an experiment is about."""

import dataclasses
import pathlib
import typing

from keras_tsvae import data
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.experiments.arrays_file import load_arrays
from keras_tsvae.files import expanded

KINDS = ("set", "folder", "arrays")


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The pictures of an experiment.

    Args:
        source: Name of a data set that `keras_tsvae.data.load` knows, or the path of a folder of
            pictures or of an `.npz`.
        kind: `"set"`, `"folder"` or `"arrays"`: which of them it is.
        data_dir: Folder of a data set's files. Defaults to None.
        limit: Positive int: no more pictures of each part. Defaults to None: all.
        options: What the set's `load` takes besides, such as `image_size` and `resize` of a folder.
    """

    source: str
    kind: str
    data_dir: str | None = None
    limit: int | None = None
    options: dict[str, typing.Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the kind."""
        if self.kind not in KINDS:
            raise ValueError(f"`kind` must be one of {KINDS}. Received: kind={self.kind!r}")

    @property
    def resize(self) -> str:
        """How pictures came to their shape: `"crop"`, `"pad"` or `"stretch"`."""
        return self.options.get("resize", "crop")

    def load(self, **further: typing.Any) -> ImageData:
        """Returns the pictures.

        Args:
            **further: Options in place of those above, `limit` among them.

        Raises:
            ValueError: If they are not there, or cannot be read.
        """
        options = {"limit": self.limit, **self.options, **further}
        if self.kind == "arrays":
            return load_arrays(self.source, **options)
        if self.kind == "folder":
            return data.load("image_folder", self.source, **options)
        return data.load(self.source, self.data_dir, **options)

    @property
    def path(self) -> pathlib.Path | None:
        """Path of the folder or file, or None of a data set."""
        return None if self.kind == "set" else expanded(self.source)
