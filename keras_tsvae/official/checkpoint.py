"""The variables of a TensorFlow checkpoint, each to be taken once."""

import math
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.files import expanded
from keras_tsvae.reading.bounds import file_size

# What an optimiser or the training loop leaves besides the model's own variables.
_SLOT = re.compile(r"(.+)/Adam(_\d+)?$")
_TRAINING = re.compile(r"(global_step|(.+/)?beta[12]_power(_\d+)?)$")


class Checkpoint:
    """All variables by name, read at once; `take` hands them out, `finish` counts them up.

    Args:
        prefix: Path of a checkpoint without its ending `.index`.

    Raises:
        ValueError: If there is no readable checkpoint.
        ImportError: If TensorFlow is not installed.
    """

    def __init__(self, prefix: PathLike):
        self.prefix = str(expanded(str(prefix)))
        self.variables = _read(self.prefix)
        self.missing: list[str] = []
        self.taken: set[str] = set()

    def take(self, name: str) -> np.ndarray | None:
        """Returns a variable as an array, or None, and remembers that it is missing."""
        self.taken.add(name)
        if name not in self.variables:
            self.missing.append(name)
        return self.variables.get(name)

    def count(self, pattern: str) -> int:
        """Returns one more than the highest number that `pattern` finds in any name."""
        found = [re.match(pattern, name) for name in self.variables]
        return 1 + max((int(match.group(1)) for match in found if match), default=-1)

    def size(self, *places: tuple[str, int]) -> int:
        """Returns the length of an axis, on which all variables `(name, axis)` must agree."""
        found = {
            name: self.variables[name].shape[axis : axis + 1]
            for name, axis in places
            if name in self.variables
        }
        if not found:
            raise ValueError(self._error(f"missing {places[0][0]}"))
        if len(set(found.values())) > 1 or not all(sum(size) for size in found.values()):
            shapes = [f"{name} {self.variables[name].shape}" for name in found]
            raise ValueError(self._error(f"shapes that do not agree: {', '.join(shapes)}"))
        return next(iter(found.values()))[0]

    def finish(self) -> None:
        """Raises a `ValueError` that names what was missing and what nobody took."""
        extra = sorted(name for name in self.variables if not self._expected(name))
        if self.missing or extra:
            parts = (("missing", sorted(set(self.missing))), ("unexpected", extra))
            raise ValueError(
                self._error(
                    "; ".join(f"{title} {listed(names)}" for title, names in parts if names)
                )
            )

    def _expected(self, name):
        slot = _SLOT.match(name)
        return name in self.taken or _TRAINING.match(name) or (slot and slot[1] in self.taken)

    def _error(self, received):
        return (
            "`prefix` must name a checkpoint of the official code, with the variables of the "
            f"network and the image shape asked for. Received: {self.prefix!r}, {received}"
        )


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Returns the first of some names, and how many more there are, as text."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _files(prefix):
    """Returns the paths of a checkpoint's files."""
    path = pathlib.Path(prefix)
    return [file for file in path.parent.iterdir() if file.name.startswith(f"{path.name}.")]


def _read(prefix):
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "Checkpoints are read by TensorFlow: `pip install tensorflow`. The model they are "
            "loaded into may run on JAX."
        ) from error
    if not pathlib.Path(prefix + ".index").is_file():
        raise ValueError(
            "`prefix` must be the path of a checkpoint without the ending of its two files, "
            "PREFIX.index and PREFIX.data-00000-of-00001. "
            f"Received: prefix={prefix!r}, and there is no {prefix}.index"
        )
    try:
        size = sum(map(file_size, _files(prefix)))
        reader = tf.train.load_checkpoint(prefix)
        types, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
        for name, dtype in types.items():
            if not (dtype.is_floating or dtype.is_integer):
                raise ValueError(f"its variable {name!r} is not of numbers")
        # They are not packed. TensorFlow takes memory for what is claimed, and then reads.
        if sum(math.prod(shapes[name]) * dtype.size for name, dtype in types.items()) > size:
            raise ValueError("its variables claim to be larger than its files")
        return {name: np.asarray(reader.get_tensor(name)) for name in types}
    except Exception as error:  # of several kinds, none of them with the file's name
        raise ValueError(
            "`prefix` must name a checkpoint that TensorFlow can read. "
            f"Received: {prefix!r} ({type(error).__name__}: {error})"
        ) from error
