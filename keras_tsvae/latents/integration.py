"""Ordinary differential equations, by the classical method of Runge and Kutta."""

from collections.abc import Callable

from keras import ops

from keras_tsvae.arrays.types import Tensor


def integrate(
    derivative: Callable[[Tensor, Tensor], Tensor],
    state: Tensor,
    start: float | Tensor,
    end: float | Tensor,
    steps: int,
) -> Tensor:
    """Returns the state at `end` of `d state / dt = derivative(t, state)`, from that at `start`.

    Each step evaluates the derivative four times; the error falls with the fourth power of their
    number.

    Args:
        derivative: Function of t, a float32 scalar, and of the state.
        state: Tensor of any shape.
        start: Float or float32 scalar, the time of `state`.
        end: Float or float32 scalar, the time of the result, which may be before `start`.
        steps: Positive int, of equal length.

    Source:
        Kutta (1901), *Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen*.
    """
    length = (end - start) / steps

    def step(index, state):
        t = start + length * ops.cast(index, "float32")
        first = derivative(t, state)
        second = derivative(t + 0.5 * length, state + 0.5 * length * first)
        third = derivative(t + 0.5 * length, state + 0.5 * length * second)
        fourth = derivative(t + length, state + length * third)
        return state + length / 6.0 * (first + 2.0 * (second + third) + fourth)

    return ops.fori_loop(0, steps, step, state)
