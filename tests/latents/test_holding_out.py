"""Posteriors kept aside."""

import numpy as np
import pytest

from keras_tsvae import Posteriors
from keras_tsvae.latents.holding_out import hold_out

pytestmark = pytest.mark.backend_free


def test_each_row_is_on_one_side_in_its_order(tmp_path):
    mean = np.arange(10_000, dtype="float32")[:, None] * [1, 2]
    posteriors = Posteriors(mean, mean + 1, mean[:, :1])
    posteriors.save(tmp_path / "posteriors.h5")
    for source in (posteriors, Posteriors.load(tmp_path / "posteriors.h5")):
        kept, held_out = hold_out(source, 300, seed=0)
        assert (len(kept), len(held_out)) == (9700, 300)
        rows = np.concatenate([kept.condition, held_out.condition])[:, 0]
        assert set(rows) == set(mean[:, 0])
        for part in (kept, held_out):
            assert (np.diff(part.mean[:, 0]) > 0).all()
            np.testing.assert_array_equal(part.std, part.mean + 1)
        assert 3000 < held_out.mean[:, 0].mean() < 7000
    again, other = (hold_out(posteriors, 300, seed)[1].mean for seed in (0, 1))
    np.testing.assert_array_equal(again, held_out.mean)
    assert (other != again).any()
