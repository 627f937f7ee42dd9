"""How many images show what they were asked to show."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ConditionScores:
    """The figures of a `ConditionAccuracy`, all from 0 to 1.

    Args:
        overall: Of attributes the mean of their balanced accuracies, those that are NaN left out,
            and NaN if all are; of classes the share of images that show theirs.
        each: Dict from the name of an attribute to its balanced accuracy, NaN where only one of
            its two values was asked for; or from the name of a class to its recall, NaN where it
            never was.
        num_samples: Number of images.
    """

    overall: float
    each: dict[str, float]
    num_samples: int
