"""What somebody at the page wishes to see."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Wish:
    """What the controls of the page say.

    Args:
        seed: Non-negative int, which noise. It stays while all else changes. Defaults to 0.
        stage: 2, 1 or `"mixture"`, as in `TwoStageVAE.sample`. Defaults to 2.
        condition: As in `ConditionalTwoStageVAE.sample`. Defaults to None: as in training.
        strength: Of the condition, likewise. Defaults to 1.
    """

    seed: int = 0
    stage: int | str = 2
    condition: typing.Any = None
    strength: float = 1.0
