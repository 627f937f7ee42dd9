import numpy as np

from keras_tsvae.layers import GaussianSampling
from tests.harness import check_serializable, flat


def test_moments():
    mean = np.tile([[1.0, -2.0]], (20_000, 1)).astype("float32")
    log_std = np.log(np.tile([[0.5, 3.0]], (20_000, 1))).astype("float32")
    z = flat(GaussianSampling(seed=0)(mean, log_std))[0]
    np.testing.assert_allclose(z.mean(0), [1.0, -2.0], atol=0.1)
    np.testing.assert_allclose(z.std(0), [0.5, 3.0], rtol=0.03)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.03


def test_noise_is_drawn_anew_at_every_call_and_fixed_by_the_seed():
    zeros = np.zeros((4, 3), "float32")
    layer = GaussianSampling(seed=7)
    first, second = flat(layer(zeros, zeros))[0], flat(layer(zeros, zeros))[0]
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, flat(GaussianSampling(seed=7)(zeros, zeros))[0])


def test_given_noise_is_used():
    mean, log_std, noise = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    z = flat(GaussianSampling()(mean, log_std, noise))[0]
    np.testing.assert_allclose(z, mean + np.exp(log_std) * noise, rtol=1e-5, atol=1e-6)


def test_round_trip(tmp_path):
    mean = np.zeros((4, 3), "float32")
    tiny_deviation = np.full((4, 3), -40.0, "float32")  # z is the mean, whatever the noise
    layer = check_serializable(lambda: GaussianSampling(seed=1), (mean, tiny_deviation), tmp_path)
    assert layer.compute_output_shape((None, 3), (None, 3)) == (None, 3)
    assert layer.get_config()["seed"] == 1
