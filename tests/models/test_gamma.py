"""Learned, computed and fixed gamma, and the likelihood without one."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import losses
from keras_tsvae.backend import compile_function
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow


def first_stage(networks=tiny.dense_networks, **kwargs):
    stage = tsvae.FirstStageVAE(*networks(), **kwargs)
    stage.compile(keras.optimizers.SGD(1e-3))
    return stage


def second_stage(**kwargs):
    stage = tsvae.SecondStageVAE(tiny.LATENT_DIM, width=16, depth=2, **kwargs)
    stage.compile(keras.optimizers.SGD(1e-4))
    return stage


def test_a_computed_gamma_follows_the_batches():
    stage = reused(first_stage, gamma="computed")
    expected = 1.0
    for batch_mse in (0.5, 0.01, 4.0, 0.0, 0.3):
        stage.update_gamma(batch_mse)
        expected = min(expected, 0.99 * expected + 0.01 * batch_mse)
        np.testing.assert_allclose(stage.gamma**2, expected, rtol=1e-5)
    before = stage.gamma
    stage.update_gamma(float("nan"))
    assert stage.gamma == before


def test_a_fit_computes_gamma_from_its_batches(images):
    stage = reused(first_stage, gamma="computed")
    stage.optimizer.learning_rate = 0.0
    history = stage.fit(images, batch_size=len(images), epochs=3, verbose=0).history
    expected = [1.0]
    for mse in history["mse"]:
        expected.append(min(expected[-1], 0.99 * expected[-1] + 0.01 * mse))
    # A step is measured with the gamma that it found, and moves it afterwards.
    np.testing.assert_allclose(np.square(history["gamma"]), expected[:-1], rtol=1e-4)
    np.testing.assert_allclose(stage.gamma**2, expected[-1], rtol=1e-4)
    assert stage.gamma < 1
    stage.evaluate(images, verbose=0)
    np.testing.assert_allclose(stage.gamma**2, expected[-1], rtol=1e-6)


@pytest.mark.parametrize("make", [first_stage, second_stage])
def test_an_optimal_gamma_follows_the_batches_up_and_down(make):
    stage = reused(make, gamma="optimal")
    expected = 1.0
    for batch_mse in (0.5, 0.01, 4.0, 0.0, 0.3):
        stage.update_gamma(batch_mse)
        expected = 0.9 * expected + 0.1 * batch_mse
        np.testing.assert_allclose(stage.gamma**2, expected, rtol=1e-5)
    before = stage.gamma
    for broken in (float("nan"), float("inf")):
        stage.update_gamma(broken)
    assert stage.gamma == before


def test_gamma_comes_back_from_a_vanished_error():
    stage = reused(second_stage, gamma="optimal")
    for _ in range(300):
        stage.update_gamma(0.0)
    np.testing.assert_allclose(stage.gamma, 1e-6, rtol=1e-4)
    for _ in range(50):
        stage.update_gamma(0.25)
    np.testing.assert_allclose(stage.gamma, 0.5, rtol=0.01)


def test_an_optimal_gamma_has_the_greatest_likelihood(images):
    """Of deviations around it, the one that a fit settles at gives its images the least nll."""
    stage = reused(first_stage, gamma="optimal")
    stage.optimizer.learning_rate = 0.0
    repeated = np.tile(images, (15, 1, 1, 1))  # an epoch of 15 steps, each over all images
    arguments = {"batch_size": len(images), "epochs": 10, "shuffle": False, "verbose": 0}
    history = stage.fit(repeated, **arguments).history
    np.testing.assert_allclose(stage.gamma**2, history["mse"][-1], rtol=0.02)
    found, nll = stage.gamma, {}
    for factor in (0.8, 1.0, 1.25):
        stage.log_gamma.assign(np.log(factor * found))
        nll[factor] = stage.evaluate(images, verbose=0, return_dict=True)["nll"]
    assert nll[1.0] < min(nll[0.8], nll[1.25])
    assert stage.kl_weight == 1.0


@pytest.mark.parametrize(
    "shape, latent_dim, weight",
    [((32, 32, 3), 64, 1.0), ((64, 64, 3), 64, 4.0), ((8, 16, 1), 4, 32.0)],
)
def test_a_computed_gamma_weighs_the_kl_divergence(shape, latent_dim, weight):
    networks = tiny.linear_networks(shape, latent_dim)
    stage = tsvae.FirstStageVAE(*networks, gamma="computed")
    x = np.random.default_rng(0).random((5, *shape)).astype("float32")
    terms = {k: flat(v)[0] for k, v in stage.loss_terms((x,)).items()}
    np.testing.assert_allclose(terms["loss"], weight * terms["kl"] + terms["nll"], rtol=1e-5)
    assert tsvae.FirstStageVAE(*networks).kl_weight == 1.0


def test_a_fixed_gamma_stays(images):
    stage = reused(first_stage, gamma=np.float32(0.25))
    stage.fit(images, batch_size=32, epochs=1, verbose=0)
    np.testing.assert_allclose(stage.gamma, 0.25, rtol=1e-6)
    assert not any(v is stage.log_gamma for v in stage.trainable_variables)


def test_the_cross_entropy_comes_from_the_decoders_logits(images):
    stage = reused(first_stage, tiny.residual_networks, likelihood="cross_entropy")
    noise = np.random.default_rng(0).normal(size=(96, tiny.LATENT_DIM)).astype("float32")
    measure = compile_function(stage, lambda x, noise: stage.loss_terms((x,), noise=noise))
    terms = {k: flat(v)[0] for k, v in measure(images, noise).items()}
    mean, std = stage.encode(images)
    x, reconstruction = images / 255.0, stage.decode(mean + std * noise).astype("float64")
    nll = -(x * np.log(reconstruction) + (1 - x) * np.log(1 - reconstruction)).sum((1, 2, 3))
    np.testing.assert_allclose(terms["nll"], nll, rtol=1e-4)
    np.testing.assert_allclose(terms["loss"], terms["kl"] + terms["nll"], rtol=1e-6)
    assert stage.gamma is None and stage.log_gamma is None
    history = stage.fit(images, batch_size=32, epochs=2, verbose=0).history
    assert sorted(history) == ["kl", "loss", "mse", "nll"]
    assert history["loss"][1] < history["loss"][0]


def test_images_are_the_sigmoid_of_the_logits():
    decoder = tiny.decoder()
    z = np.random.default_rng(0).normal(size=(3, tiny.LATENT_DIM)).astype("float32")
    logits = flat(decoder.logits(z))[0]
    np.testing.assert_allclose(flat(decoder(z))[0], 1 / (1 + np.exp(-logits)), rtol=1e-5)


@pytest.mark.parametrize(
    "networks, likelihood, gamma",
    [
        (tiny.residual_networks, "cross_entropy", "learned"),
        (tiny.dense_networks, "gaussian", 0.5),
    ],
)
def test_a_whole_model_of_every_kind_is_saved(networks, likelihood, gamma, images, tmp_path):
    first = first_stage(networks, likelihood=likelihood, gamma=gamma)
    model = tsvae.TwoStageVAE(first, second_stage(gamma="computed"))
    model.fit(images, batch_size=32, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.first_stage.likelihood == likelihood
    assert loaded.second_stage.gamma_mode == "computed"
    assert loaded.first_stage.gamma == model.first_stage.gamma
    np.testing.assert_array_equal(loaded.sample(5, seed=1), model.sample(5, seed=1))


def test_logits_far_from_zero_do_not_overflow():
    logits = np.array([[-1e4, 1e4, 0.0, -1e4]], "float32")
    x = np.array([[0.0, 1.0, 0.5, 1.0]], "float32")
    np.testing.assert_allclose(flat(losses.cross_entropy(x, logits))[0], [1e4 + np.log(2)])


BAD_GAMMAS = ["fixed", 0, -1.0, 1e-25, float("inf"), float("nan"), True, None, [1], np.ones(2)]


@pytest.mark.parametrize("gamma", BAD_GAMMAS)
def test_bad_gammas_are_named(gamma):
    kinds = "'learned', 'computed', 'optimal'"
    rule = f"`gamma` must be {kinds} or a number from 1e-6.* Received: gamma="
    with pytest.raises(ValueError, match=rule):
        second_stage(gamma=gamma)
    with pytest.raises(ValueError, match=rule):
        first_stage(gamma=gamma)


def test_bad_likelihoods_are_named():
    with pytest.raises(ValueError, match="`likelihood` must be 'gaussian' or 'cross_entropy'"):
        first_stage(likelihood="bernoulli")
    for gamma in (0.1, "optimal"):
        with pytest.raises(ValueError, match=f"`gamma` must be left .* Received: gamma={gamma!r}"):
            first_stage(likelihood="cross_entropy", gamma=gamma)
    with pytest.raises(ValueError, match="`decoder` must have a method `logits"):
        tsvae.FirstStageVAE(*tiny.linear_networks((4, 4, 1), 2), likelihood="cross_entropy")


def without_error(stage):
    """A stage that reconstructs nothing but zeros, and zeros to reconstruct."""
    shape = (4, 4, 1) if stage == "first" else (2,)
    x, z = keras.Input(shape), keras.Input((2,))
    flat_x = keras.layers.Flatten()(x)
    heads = [keras.layers.Dense(2, kernel_initializer="zeros")(flat_x) for _ in range(2)]
    decoded = keras.layers.Dense(16 if stage == "first" else 2, kernel_initializer="zeros")(z)
    networks = keras.Model(x, heads), keras.Model(z, keras.layers.Reshape(shape)(decoded))
    if stage == "first":
        return tsvae.FirstStageVAE(*networks), (np.zeros((64, *shape), "uint8"),)
    second = tsvae.SecondStageVAE(2, encoder=networks[0], decoder=networks[1])
    return second, (np.zeros((64, 2)), np.zeros((64, 2)))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_learned_gamma_stays_finite_where_there_is_no_error(stage, scaled):
    """Left alone it falls by a learning rate a step, and is lost after 44 / learning rate."""
    model, data = without_error(stage)
    optimizer = tsvae.optimizers.FusedAdam(0.2)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=4.0)
    model.compile(optimizer, steps_per_execution=8)
    model.fit(*data, batch_size=8, epochs=40, verbose=0)  # 320 steps
    assert model.gamma == pytest.approx(1e-6, rel=1e-3)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
