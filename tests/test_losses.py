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


@pytest.mark.parametrize("seed", range(3))
def test_cross_entropy_is_minus_the_log_probability(seed):
    case = random_case(seed)
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, case["x"].shape)
    p = 1 / (1 + np.exp(-logits))
    expected = -(case["x"] * np.log(p) + (1 - case["x"]) * np.log1p(-p)).sum((1, 2, 3))
    ours = flat(losses.cross_entropy(case["x"], logits.astype("float32")))[0]
    assert ours.shape == expected.shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_cross_entropy_neither_overflows_nor_takes_the_logarithm_of_zero():
    x = np.array([[0.0, 1.0, 0.0, 1.0, 0.25]], "float32")
    logits = np.array([[1e4, -1e4, -1e4, 1e4, -20.0]], "float32")
    np.testing.assert_allclose(flat(losses.cross_entropy(x, logits))[0], [2e4 + 5], rtol=1e-6)
    small = np.float32([[-20.0]])  # log(1 + e^-20) is lost in 1 + e^-20
    found = flat(losses.cross_entropy(np.zeros_like(small), small))[0]
    np.testing.assert_allclose(found, np.exp(-20.0), rtol=1e-4)


def test_kl_is_zero_at_the_prior_and_positive_elsewhere():
    zeros = np.zeros((1, 3), "float32")
    assert flat(losses.kl_divergence(zeros, zeros))[0] == 0
    assert flat(losses.kl_divergence(zeros + 0.1, zeros))[0] > 0
    assert flat(losses.kl_divergence(zeros, zeros + 0.1))[0] > 0
    assert flat(losses.kl_divergence(zeros, zeros - 0.1))[0] > 0


def test_half_precision_inputs_are_summed_in_float32():
    """In float16, a sum of ones stalls at 2,048, and a square overflows from 256 on."""
    x = np.ones((2, 64, 64, 3), "float16")
    ours = flat(losses.gaussian_nll(x, np.zeros_like(x), np.float16(0)))[0]
    np.testing.assert_allclose(ours, 12_288 * (0.5 + losses.HALF_LOG_2PI), rtol=1e-5)
    ours = flat(losses.gaussian_nll(x, 0 * x, np.float16(-6)))[0]
    expected = 12_288 * (0.5 * np.exp(12.0) - 6 + losses.HALF_LOG_2PI)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    np.testing.assert_allclose(
        flat(losses.cross_entropy(x, 0 * x))[0], 12_288 * np.log(2), rtol=1e-5
    )
    assert flat(losses.cross_entropy(x, 0 * x))[0].dtype == np.float32
    far = 300 * np.ones((1, 3000), "float16")
    np.testing.assert_allclose(flat(losses.mean_squared_error(far, 0 * far))[0], 9e4, rtol=1e-6)
    ours = flat(losses.kl_divergence(far, 0 * far))[0]
    np.testing.assert_allclose(ours, 0.5 * 3000 * 9e4, rtol=1e-6)
    ours = flat(losses.kl_divergence(0 * far, 0 * far + np.float16(6)))[0]
    np.testing.assert_allclose(ours, 0.5 * 3000 * (np.exp(12.0) - 13), rtol=1e-5)


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
