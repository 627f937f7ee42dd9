"""How an experiment's model is measured."""

import dataclasses

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.metrics import PROTOCOLS

FEWEST_SAMPLES = 4  # that recall can be measured of


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """How a model is measured.

    Args:
        features: What pictures are measured by: `"judge"`, a classifier trained on the data set's
            labels; `"inception"`, whose weights are downloaded; or the path of a file of either.
            Defaults to `"inception"`.
        num_samples: Int of at least 4: pictures drawn of each stage. Defaults to 10,000.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.
        seed: Non-negative int, of the samples. Defaults to 0.
    """

    features: str = "inception"
    num_samples: int = 10_000
    protocol: str = "standard"
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks what nothing checks before a training is spent."""
        non_negative_int("seed", self.seed)
        if positive_int("num_samples", self.num_samples) < FEWEST_SAMPLES:
            raise ValueError(
                f"`num_samples` must be at least {FEWEST_SAMPLES}, which recall needs. "
                f"Received: num_samples={self.num_samples}"
            )
        if self.protocol not in PROTOCOLS:
            raise ValueError(
                f"`protocol` must be one of {tuple(PROTOCOLS)}. Received: {self.protocol!r}"
            )
