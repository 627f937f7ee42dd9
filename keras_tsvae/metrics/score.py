"""A figure that says what it was measured on."""

import typing


class Score(float):
    """A float that carries how it was measured.

    Args:
        value: The figure.
        name: What it is, such as `"FID"`.
        protocol: Name of the protocol (see `keras_tsvae.metrics.protocols`).
        features: Identity of the feature extractor.
        num_samples: Number of generated images.
        num_reference: Number of real images; None where none are needed, or it is not known.
        std: Standard deviation over subsets or splits, or None.

    Example:
        >>> keras_tsvae.metrics.Score(31.6, "FID", "standard", "inception", 10000, 10000)
        FID 31.6 (standard protocol, 10,000 images against 10,000, features inception)
    """

    name: str
    protocol: str
    features: str
    num_samples: int
    num_reference: int | None
    std: float | None

    def __new__(
        cls,
        value: float,
        name: str,
        protocol: str,
        features: str,
        num_samples: int,
        num_reference: int | None = None,
        std: float | None = None,
    ) -> "Score":
        """Creates the float."""
        score = super().__new__(cls, value)
        score.name = name
        score.protocol = protocol
        score.features = features
        score.num_samples = num_samples
        score.num_reference = num_reference
        score.std = std
        return score

    def __getnewargs__(self) -> tuple[typing.Any, ...]:
        """Returns what copies and pickles are made from."""
        return (
            float(self),
            self.name,
            self.protocol,
            self.features,
            self.num_samples,
            self.num_reference,
            self.std,
        )

    def __repr__(self) -> str:
        """Returns the figure and all it depends on."""
        spread = "" if self.std is None else f" ± {self.std:.3g}"
        against = "" if self.num_reference is None else f" against {self.num_reference:,}"
        return (
            f"{self.name} {float(self):.4g}{spread} ({self.protocol} protocol, "
            f"{self.num_samples:,} images{against}, features {self.features})"
        )

    __str__ = __repr__
