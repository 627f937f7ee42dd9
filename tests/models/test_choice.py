"""When a flow is chosen rather than a mixture."""

import math

import pytest

from keras_tsvae.models.choice import Choice

pytestmark = pytest.mark.backend_free

BETTER = {
    "num_held_out": 1000,
    "flow_log_prob": -49.0,
    "mixture_log_prob": -53.0,
    "standard_error": 0.2,
    "flow_replay": 0.05,
    "mixture_replay": 0.05,
    "fair_replay": 0.05,
}


@pytest.mark.parametrize(
    "figures, chosen",
    [
        ({}, "flow"),
        ({"flow_log_prob": -52.96, "standard_error": 0.0}, "mixture"),  # 0.04 nats
        ({"flow_log_prob": -52.94, "standard_error": 0.0}, "flow"),
        ({"flow_log_prob": -52.5, "standard_error": 0.3}, "mixture"),  # less than two errors
        ({"flow_log_prob": -54.0}, "mixture"),
        ({"flow_log_prob": math.nan}, "mixture"),
        ({"flow_replay": math.nan}, "mixture"),
        ({"flow_replay": 0.2}, "mixture"),
        ({"flow_replay": 0.06}, "flow"),  # by chance
        ({"flow_replay": 0.2, "mixture_replay": 0.2}, "flow"),  # no more than the mixture
        ({"mixture_replay": 0.01}, "flow"),  # no more than new examples
        ({"flow_replay": 0.06, "num_held_out": 100_000}, "mixture"),  # not by chance
    ],
)
def test_the_flow_has_to_be_better_and_must_not_draw_examples_again(figures, chosen):
    assert Choice(**{**BETTER, **figures}).chosen == chosen


def test_it_says_why():
    assert str(Choice()) == "mixture, too few posteriors to hold out any"
    begin = "held-out log p(z) -49.00 nats of the flow against -53.00 of the mixture"
    better = Choice(**BETTER)
    assert str(better).startswith(f"flow, {begin} (1,000 posteriors)")
    assert str(better).endswith("replay 0.05 against 0.05 (new examples: 0.05)")
    unsure = Choice(**{**BETTER, "standard_error": 3.0})
    assert str(unsure) == f"mixture, {begin} (1,000 posteriors), where 6 more are asked for"
    copies = Choice(**{**BETTER, "flow_replay": 0.5})
    assert str(copies).startswith("mixture, ") and "replay 0.5 against 0.05" in str(copies)
