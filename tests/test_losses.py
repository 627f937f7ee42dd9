import numpy as np
import pytest
from scipy import stats

from keras_tsvae import losses
from tests.harness import flat


def random_case(seed):
    rng = np.random.default_rng(seed)
    batch, latent = rng.integers(1, 9, 2)
    shape = (batch, *rng.integers(1, 12, 2), rng.integers(1, 4))
    return {
        "mean": rng.normal(0, 2, (batch, latent)).astype("float32"),
        "log_std": rng.normal(-1, 1.5, (batch, latent)).astype("float32"),
        "x": rng.random(shape).astype("float32"),
        "reconstruction": rng.random(shape).astype("float32"),
        "log_gamma": np.float32(rng.uniform(-4, 1)),
    }


@pytest.mark.parametrize("seed", range(6))
def test_kl_is_the_closed_form(seed):
    case = random_case(seed)
    mean, log_std = case["mean"].astype("float64"), case["log_std"].astype("float64")
    expected = 0.5 * (mean**2 + np.exp(log_std) ** 2 - 2 * log_std - 1).sum(1)
    ours = flat(losses.kl_divergence(case["mean"], case["log_std"]))[0]
    assert ours.shape == (len(mean),) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_nll_is_minus_the_log_density(seed):
    case = random_case(seed)
    density = stats.norm(
        case["reconstruction"].astype("float64"), np.exp(np.float64(case["log_gamma"]))
    )
    expected = -density.logpdf(case["x"].astype("float64")).sum((1, 2, 3))
    ours = flat(losses.gaussian_nll(case["x"], case["reconstruction"], case["log_gamma"]))[0]
    assert ours.shape == expected.shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_mse_is_the_mean_over_all_dimensions(seed):
    case = random_case(seed)
    expected = ((case["x"].astype("float64") - case["reconstruction"]) ** 2).mean((1, 2, 3))
    ours = flat(losses.mean_squared_error(case["x"], case["reconstruction"]))[0]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_kl_is_zero_at_the_prior_and_positive_elsewhere():
    zeros = np.zeros((1, 3), "float32")
    assert flat(losses.kl_divergence(zeros, zeros))[0] == 0
    assert flat(losses.kl_divergence(zeros + 0.1, zeros))[0] > 0
    assert flat(losses.kl_divergence(zeros, zeros + 0.1))[0] > 0
    assert flat(losses.kl_divergence(zeros, zeros - 0.1))[0] > 0


def test_half_precision_inputs_are_summed_in_float32():
    x = np.ones((2, 64, 64, 3), "float16")  # a sum of 12,288 ones stalls at 2,048 in float16
    ours = flat(losses.gaussian_nll(x, np.zeros_like(x), np.float16(0)))[0]
    np.testing.assert_allclose(ours, 12_288 * (0.5 + losses.HALF_LOG_2PI), rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet_a", "resnet_b", "infogan"])
def test_losses_agree_with_the_official_code(golden, name):
    official = golden(name)
    x = official["x"].astype("float32") / 255
    cases = {
        "1": (official["mu_z"], official["sd_z"], x, official["x_hat"], official["gamma_x"]),
        "2": (
            official["mu_u"],
            official["sd_u"],
            official["z"],
            official["z_hat"],
            official["gamma_z"],
        ),
    }
    for stage, (mean, std, target, reconstruction, gamma) in cases.items():
        kl = flat(losses.kl_divergence(mean, np.log(std)))[0].mean()
        nll = flat(losses.gaussian_nll(target, reconstruction, np.log(gamma)))[0].mean()
        np.testing.assert_allclose(kl, official[f"kl_loss{stage}"], rtol=1e-5)
        # The official code rounds 1/2 log 2 pi to 0.91893, 8.5e-6 per dimension too small.
        nll -= target[0].size * (losses.HALF_LOG_2PI - 0.91893)
        np.testing.assert_allclose(nll, official[f"gen_loss{stage}"], rtol=1e-5)
        np.testing.assert_allclose(kl + nll, official[f"loss{stage}"], rtol=1e-5)
