"""What a second stage chose, and why."""

import dataclasses

import numpy as np

LEAST_GAIN = 0.05  # nats
GAIN_ERRORS, REPLAY_ERRORS = 2.0, 3.0  # standard errors


@dataclasses.dataclass(frozen=True)
class Choice:
    """A flow and a mixture, measured on held-out posteriors, and which one is the better.

    The flow is, if its gain exceeds 0.05 nats and two standard errors of it, and it draws training
    examples again no more often than the mixture, or new examples, seem to, but for three standard
    errors. Otherwise it is the mixture.

    Args:
        num_held_out: Posteriors that both were measured on; 0: too few to hold out any, and the
            other figures are zeros.
        flow_log_prob: Mean log p(z) of one draw from each, in nats, under the flow.
        mixture_log_prob: That under the mixture.
        standard_error: Of the difference of the two, which are of the same draws.
        flow_replay: Share of samples near to training posteriors (see
            `keras_tsvae.metrics.latent_replay`), of the flow; NaN if samples are not finite.
        mixture_replay: That of the mixture.
        fair_replay: That of draws from the held-out posteriors.
    """

    num_held_out: int = 0
    flow_log_prob: float = 0.0
    mixture_log_prob: float = 0.0
    standard_error: float = 0.0
    flow_replay: float = 0.0
    mixture_replay: float = 0.0
    fair_replay: float = 0.0

    @property
    def gain(self) -> float:
        """How many nats the flow is better by."""
        return self.flow_log_prob - self.mixture_log_prob

    @property
    def least_gain(self) -> float:
        """How many nats it has to be better by."""
        return max(LEAST_GAIN, GAIN_ERRORS * self.standard_error)

    @property
    def most_replay(self) -> float:
        """How large its replay may be."""
        fair = max(self.mixture_replay, self.fair_replay)
        shares = np.array([self.flow_replay, fair])
        error = np.sqrt(np.sum(shares * (1.0 - shares)) / max(self.num_held_out, 1))
        return float(fair + REPLAY_ERRORS * error)

    @property
    def chosen(self) -> str:
        """`"flow"` or `"mixture"`."""
        better = self.gain > self.least_gain and self.flow_replay <= self.most_replay
        return "flow" if better else "mixture"

    def __str__(self) -> str:
        """Returns one line: what was chosen, and why."""
        if not self.num_held_out:
            return f"{self.chosen}, too few posteriors to hold out any"
        pairs = [
            f"held-out log p(z) {self.flow_log_prob:.2f} nats of the flow",
            f"{self.mixture_log_prob:.2f} of the mixture ({self.num_held_out:,} posteriors)",
        ]
        line = f"{self.chosen}, {' against '.join(pairs)}"
        if not self.gain > self.least_gain:
            return f"{line}, where {self.least_gain:.2g} more are asked for"
        shares = f"{self.flow_replay:.2g} against {self.mixture_replay:.2g}"
        return f"{line}, replay {shares} (new examples: {self.fair_replay:.2g})"
