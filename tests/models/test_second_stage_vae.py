"""The second stage of the paper: where gamma is measured, it sees z standardised."""

import h5py
import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.latents import moments

pytestmark = pytest.mark.slow
D = 3
KEPT = 2  # weights of its own before there was a standardisation: log_gamma and z_scale


def posteriors(seed=0):
    """Of z whose variances differ, and go together."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(500, D)) * [1.5, 0.1, 0.6] @ rng.normal(size=(D, D)) + [0.5, 0, -2]
    std = rng.uniform(0.1, 0.2, mean.shape)
    return tsvae.Posteriors(mean.astype("float32"), std.astype("float32"))


def make(gamma="computed", **kwargs):
    stage = tsvae.SecondStageVAE(D, width=8, depth=1, gamma=gamma, **kwargs)
    stage.compile(keras.optimizers.Adam(1e-2))
    return stage


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(0)
    stage = make()
    stage.fit(posteriors(), batch_size=50, epochs=30, verbose=0)
    return stage


def array(weight):
    return keras.ops.convert_to_numpy(weight)


def constant(stage):
    """Lets the decoder ignore u."""
    stage.decoder.set_weights([np.zeros_like(w) for w in stage.decoder.get_weights()])
    return stage


def log_normal(z, covariance):
    """Returns log N(z; 0, covariance)."""
    squares = np.einsum("ni,ij,nj->n", z, np.linalg.inv(covariance), z)
    return -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_samples_have_the_moments_of_the_posteriors(fitted):
    mean, covariance = moments(posteriors())
    z = fitted.sample(20_000, seed=5)
    root = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((z.mean(0) - mean) / root, 0, atol=0.05)
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (z - mean).T)
    np.testing.assert_allclose(np.cov(whitened), np.eye(D), atol=0.08)


def test_networks_see_z_half_way_to_white_noise(fitted):
    mean, covariance = moments(posteriors())
    z = np.random.default_rng(1).multivariate_normal(mean, covariance, 20_000)
    x = array(fitted._standardized(keras.ops.convert_to_tensor(z.astype("float32"))))
    variances = np.linalg.eigvalsh(covariance)
    np.testing.assert_allclose(x.mean(0), 0, atol=0.03)
    roots = np.sqrt(variances)
    np.testing.assert_allclose(np.cov(x.T), np.diag(roots / roots.mean()), atol=0.05)
    np.testing.assert_allclose(array(fitted._unstandardized(x)), z, atol=1e-4)
    u, _ = fitted.encode(z[:10])
    np.testing.assert_allclose(array(fitted(z[:10])), fitted.decode(u), atol=1e-4)


def test_trained_networks_keep_their_coordinates():
    stage = make("optimal")
    stage.fit(posteriors(), batch_size=50, epochs=1, verbose=0)
    center, directions = array(stage.center), array(stage.directions)
    stage.fit(posteriors(1), batch_size=50, epochs=1, verbose=0)
    np.testing.assert_array_equal(array(stage.center), center)
    np.testing.assert_array_equal(array(stage.directions), directions)
    spread = stage.sample(20_000, seed=5).std(0)
    np.testing.assert_allclose(spread, np.sqrt(np.diag(moments(posteriors(1))[1])), rtol=0.05)


def test_the_bound_and_the_loss_are_of_z_itself(fitted):
    stage = make()
    stage.set_weights(fitted.get_weights())
    constant(stage)
    z = posteriors().mean[:50]
    mean, std = stage.encode(z)
    kl = 0.5 * (np.square(mean) + np.square(std) - 1).sum(1) - np.log(std).sum(1)
    factor = array(stage.precision_factor)
    exact = log_normal(z - array(stage.center), np.linalg.inv(factor @ factor.T))
    np.testing.assert_allclose(stage.log_prob(z), exact - kl, rtol=1e-3, atol=1e-3)
    directions = array(stage.directions) * array(stage.scales)
    exact = log_normal(z - array(stage.center), stage.gamma**2 * directions @ directions.T)
    terms = stage.loss_terms(keras.ops.convert_to_tensor(z))
    np.testing.assert_allclose(array(terms["nll"]), -exact, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(array(terms["loss"]), kl - exact, rtol=1e-3, atol=1e-3)


def test_the_bound_knows_what_the_decoder_misses(fitted):
    rng = np.random.default_rng(7)
    z = posteriors().mean + posteriors().std * rng.normal(size=(500, D)).astype("float32")
    mean, std = fitted.encode(z)
    missed = z - fitted.decode(mean + std * rng.normal(size=z.shape).astype("float32"))
    factor = array(fitted.precision_factor)
    np.testing.assert_allclose(np.tril(factor, -1), 0.0)
    np.testing.assert_allclose(np.cov((missed @ factor).T), np.eye(D), atol=0.2)
    best = log_normal(z - z.mean(0), np.cov(z.T)).mean()
    assert best - 1 < fitted.log_prob(z).mean() < best + 0.05


def test_what_has_collapsed_draws_one_gaussian():
    stage = constant(make())
    stage.decoder.trainable = False
    stage.compile(keras.optimizers.SGD(0.0))
    stage.fit(posteriors(), batch_size=50, epochs=1, verbose=0)
    mean, covariance = moments(posteriors())
    z = stage.sample(20_000, seed=5)
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (z - mean).T)
    np.testing.assert_allclose(whitened.mean(1), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(whitened), np.eye(D), atol=0.08)
    assert abs(np.mean(whitened**4) - 3) < 0.2


@pytest.mark.parametrize("gamma", ["learned", 0.3])
def test_otherwise_it_is_the_papers(gamma):
    stage = make(gamma)
    stage.fit(posteriors(), batch_size=50, epochs=1, verbose=0)
    u, noise = np.random.default_rng(0).normal(size=(2, 7, D)).astype("float32")
    expected = stage.decode(u) + stage.gamma * noise
    np.testing.assert_allclose(stage.generate(u, noise), expected, rtol=1e-5, atol=1e-6)
    z = posteriors().mean[:5]
    np.testing.assert_array_equal(array(stage._standardized(z)), z)
    assert len(stage.non_trainable_variables) < len(make().non_trainable_variables)


def test_older_files_stay_what_they_are(fitted, tmp_path):
    path = tmp_path / "old.weights.h5"
    fitted.save_weights(path)
    with h5py.File(path, "a") as file:
        own = file["vars"]
        for name in sorted(own, key=int)[KEPT:]:
            del own[name]
        own["1"][()] = 1.7
    stage = make()
    stage.fit(posteriors(), batch_size=50, epochs=1, verbose=0)
    stage.load_weights(path)
    u, noise = np.random.default_rng(0).normal(size=(2, 7, D)).astype("float32")
    means = array(stage.decoder(u))
    np.testing.assert_allclose(stage.decode(u), means, rtol=1e-5, atol=1e-6)
    expected = 1.7 * (means + fitted.gamma * noise)
    np.testing.assert_allclose(stage.generate(u, noise), expected, rtol=1e-5, atol=1e-5)
    z = posteriors().mean[:5]
    learned = make("learned")
    learned.encoder.set_weights(fitted.encoder.get_weights())
    learned.decoder.set_weights(fitted.decoder.get_weights())
    learned.log_gamma.assign(fitted.log_gamma)
    bound = learned.log_prob(z / 1.7) - D * np.log(1.7)
    np.testing.assert_allclose(stage.log_prob(z), bound, rtol=1e-4, atol=1e-3)
    stage.fit(posteriors(), batch_size=50, epochs=1, verbose=0)
    np.testing.assert_array_equal(array(stage.scales), 1.0)
    assert float(array(stage.z_scale)) == 1.0
