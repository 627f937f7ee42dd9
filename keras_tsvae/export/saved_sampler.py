"""SavedModels that were exported, to be sampled as models are."""

import functools
import typing
from collections.abc import Iterator

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.conditions import Attributes, Classes, Condition, Vector
from keras_tsvae.files import expanded

_SAMPLERS = {2: "sample", 1: "sample_stage1", "mixture": "sample_mixture"}


class SavedSampler:
    """A SavedModel of `export_saved_model`, with `sample_batches` as a `TwoStageVAE` has it.

    Args:
        path: Path of its folder.

    Raises:
        ValueError: If it cannot be read, or is another SavedModel.
    """

    def __init__(self, path: PathLike) -> None:
        import tensorflow as tf

        self.path = expanded(path)
        try:
            self._module: typing.Any = tf.saved_model.load(str(self.path))
            signatures = self._module.signatures
            self.functions = sorted(set(signatures) - {"serving_default"})
            shape = signatures["sample_stage1"].structured_outputs["images"].shape
            self.image_shape = tuple(shape[1:])
        except Exception as error:  # there is hardly an error that a damaged file cannot cause
            raise ValueError(
                "`path` must be a SavedModel that `export` wrote. "
                f"Received: path={str(path)!r} ({error!r:.200})"
            ) from error

    @functools.cached_property
    def conditions(self) -> Condition | None:
        """What the model was told in training, None for nothing.

        A SavedModel does not say of which kind its conditions are, but it refuses all others.
        """
        if "sample_conditioned" not in self.functions:
            return None
        arguments = self._module.signatures["sample_conditioned"].structured_input_signature[1]
        size, names = arguments["condition"].shape[1], None
        if "condition_names" in self.functions:
            names = [name.decode() for name in self._module.condition_names().numpy()]
        if self._takes(np.full(size, np.nan)):
            return Attributes(names, size=size)
        is_vector = self._takes(np.full(size, 2.0))
        return Vector(size, names) if is_vector else Classes(size, names)

    def sample_batches(
        self,
        n: int,
        *,
        stage: int | str = 2,
        seed: int | None = None,
        batch_size: int = 256,
        condition: typing.Any = None,
        strength: float = 1.0,
    ) -> Iterator[np.ndarray]:
        """Returns an iterator over the images that `TwoStageVAE.sample` draws, in one batch.

        Args:
            n: Positive int.
            stage: 1, 2 or `"mixture"`. Defaults to 2.
            seed: Non-negative int, or None. Defaults to None.
            batch_size: Not used: the SavedModel draws in blocks of its own.
            condition: As `ConditionalTwoStageVAE.sample` takes it. Defaults to None.
            strength: Must be 1.

        Raises:
            ValueError: If the model was exported without that stage, or refuses the condition.
        """
        if strength != 1:
            raise ValueError(f"`strength` must be 1 of a SavedModel. Received: {strength}")
        name = _SAMPLERS[stage] if condition is None else "sample_conditioned"
        if name not in self.functions or (condition is not None and stage != 2):
            raise ValueError(
                f"`stage` must be one that the SavedModel has: {', '.join(self.functions)}. "
                f"Received: stage={stage!r}, condition={condition!r}"
            )
        asked: typing.Any = n
        if condition is not None and self.conditions is not None:
            values, named = self.conditions.request(condition)
            asked = np.repeat(np.where(named, values, np.nan), n, axis=0).astype("float32")
        return iter([self._drawn(name, asked, -1 if seed is None else seed)])

    def _drawn(self, name, asked, seed):
        import tensorflow as tf

        try:
            return getattr(self._module, name)(asked, seed).numpy()
        except tf.errors.InvalidArgumentError as error:
            said = [line for line in str(error.message).splitlines() if "`" in line]
            raise ValueError(" ".join(said) or str(error.message)) from error

    def _takes(self, condition):
        """Whether one coded condition is of the model's kind."""
        try:
            self._drawn("sample_conditioned", condition[None].astype("float32"), 0)
        except ValueError:
            return False
        return True
