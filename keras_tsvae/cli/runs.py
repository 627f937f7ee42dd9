"""What a run says of how its pictures were prepared."""

import json
import pathlib

from keras_tsvae.cli.pictures import check_resize
from keras_tsvae.data.pictures import RESIZES

_DEFAULT = "crop"


def resize_of(given: str | None, *paths: str) -> str:
    """Returns how pictures come to a model's shape: as given, as those of its run did, or cut.

    Args:
        given: What is asked for, or None.
        *paths: Models, folders of runs among them.

    Raises:
        typer.BadParameter: If it is none of `keras_tsvae.data.pictures.RESIZES`.
    """
    if given is not None:
        check_resize(given)
        return given
    found = (_of_run(pathlib.Path(path).expanduser()) for path in paths)
    return next((resize for resize in found if resize is not None), _DEFAULT)


def _of_run(path):
    """Returns what the config.json of a run says, which a path is or lies in; None without one."""
    if not path.exists():  # the name of a data set
        return None
    folder = path if (path / "config.json").is_file() else path.parent
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        resize = config["data"]["resize"]
    except (OSError, ValueError, KeyError, TypeError):  # the config of something else
        return None
    return resize if resize in RESIZES else None
