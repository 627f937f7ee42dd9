"""One control of the page."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Control:
    """A choice of several, a slider, or, without either, a switch.

    Args:
        label: What it is called.
        value: Where it stands at first.
        choices: Pairs of a text and a value, of a choice. Defaults to None.
        span: The least and the greatest value, of a slider. Defaults to None.
    """

    label: str
    value: float
    choices: tuple[tuple[str, int], ...] | None = None
    span: tuple[float, float] | None = None
