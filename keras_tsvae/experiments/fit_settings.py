"""How an experiment's model is fitted, beyond what its preset says."""

import dataclasses
import typing

from keras_tsvae.arguments import non_negative_int
from keras_tsvae.experiments.budget import parse_budget


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """How a model is fitted. Epochs, batch size and learning rate are those of its preset.

    Args:
        budget: What the epochs were chosen by, such as `"10m"`, `"2h"` or `"30 epochs"`; None: they
            were given. Defaults to None.
        seed: Non-negative int, that of Python's, NumPy's and Keras's random numbers. Defaults to 0.
        dtype_policy: Name of the model's dtype policy. Defaults to `"float32"`.
        compiling: Further arguments of the model's `compile`, such as `jit_compile`.
    """

    budget: str | None = None
    seed: int = 0
    dtype_policy: str = "float32"
    compiling: dict[str, typing.Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks what nothing checks later."""
        non_negative_int("seed", self.seed)
        if self.budget is not None:
            parse_budget(self.budget)
