"""What an experiment may be about: a data set, a preset, a folder of pictures, an `.npz`."""

import pathlib
import typing

from keras_tsvae import data, presets
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import celeba_lists
from keras_tsvae.data.attribute_table import table_beside
from keras_tsvae.experiments.data_settings import DataSettings
from keras_tsvae.experiments.facts import FolderFacts, look_at
from keras_tsvae.files import expanded

TEST_FRACTION = 0.1
_CELEBA_PICTURES = ("img_align_celeba", "img_align_celeba.zip")
_FOR_ALL = ("digits", "celeba")  # data sets of which no training images are held out to choose by


def set_names() -> tuple[str, ...]:
    """Returns the names of data sets."""
    return tuple(name for name in data.names() if name != "image_folder")


def preset_of(source: PathLike, preset: str | None = None) -> str | None:
    """Returns the name of the preset that is meant, or None: a data set's name is no preset's."""
    if preset is not None or str(source) in set_names():
        return preset
    return str(source) if str(source) in presets.names() else None


def settings_of(
    source: PathLike,
    data_dir: PathLike | None = None,
    limit: int | None = None,
    preset: presets.Preset | None = None,
    attributes: bool = True,
    **options: typing.Any,
) -> tuple[DataSettings, FolderFacts | None]:
    """Returns which pictures are meant, and what can be seen of a folder.

    Args:
        source: Name of a data set or preset, or path of a folder or an `.npz`.
        data_dir: As `keras_tsvae.data.load` takes it. Defaults to None.
        limit: Likewise.
        preset: Where the shape of a folder's pictures comes from; None: from them.
        attributes: Whether a table of attributes beside pictures is used. Defaults to True.
        **options: What `load` of the data set takes besides; those that are None are left out.

    Raises:
        ValueError: If nothing of that name is there, or it is something else.
    """
    options = {name: value for name, value in options.items() if value is not None}
    name = str(source)
    if name in presets.names() and name not in set_names():
        name = presets.get(name).dataset
    folder = None if data_dir is None else str(expanded(data_dir).resolve())
    if name in set_names():
        if name not in _FOR_ALL:
            options.setdefault("validation_size", 0)
        return DataSettings(name, "set", folder, limit, options), None
    path = expanded(source).resolve()
    if data_dir is not None:
        raise ValueError(
            "`data_dir` must be left out where pictures are not those of a data set. "
            f"Received: data_dir={folder!r} for {str(source)!r}"
        )
    if path.suffix == ".npz" and path.is_file():
        options.setdefault("test_fraction", TEST_FRACTION)
        return DataSettings(str(path), "arrays", None, limit, options), None
    if not path.is_dir():
        raise ValueError(
            f"`source` must be a data set ({', '.join(set_names())}), a preset, a folder of "
            f"pictures or an .npz. Received: source={str(source)!r}"
        )
    if _is_celeba(path):
        return DataSettings("celeba", "set", str(path), limit, options), None
    return _folder(path, limit, preset, attributes, options)


def _folder(path, limit, preset, attributes, options):
    seen = look_at(path)
    shape = (seen.side, seen.side, seen.channels) if preset is None else preset.image_shape
    table = table_beside(path) if attributes else None
    chosen: dict[str, typing.Any] = {
        "image_size": shape[0] if shape[0] == shape[1] else list(shape[:2]),
        "channels": shape[2],
        "validation_fraction": 0.0,
        "test_fraction": TEST_FRACTION,
        "resize": "crop",
        "skip_broken": False,
        "attributes": None if table is None else str(table),
    }
    return DataSettings(str(path), "folder", None, limit, {**chosen, **options}), seen


def _is_celeba(path: pathlib.Path) -> bool:
    """Whether a folder is CelebA's, with its pictures and both its lists."""
    wanted = (_CELEBA_PICTURES, celeba_lists.ATTRIBUTES, celeba_lists.PARTITION)
    return all(any((path / name).exists() for name in names) for names in wanted)
