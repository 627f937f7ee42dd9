import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow

KEYS = ["loss", "kl", "nll", "mse", "gamma"]


def test_loss_terms_are_the_equations_of_the_parts(images):
    stage = reused(tiny.first_stage, networks=tiny.residual_networks)
    stage.log_gamma.assign(-0.7)
    noise = np.random.default_rng(0).normal(size=(96, tiny.LATENT_DIM)).astype("float32")
    terms = {k: flat(v)[0] for k, v in stage.loss_terms(images, noise=noise).items()}
    mean, std = stage.encode(images)
    reconstruction = stage.decode(mean + std * noise)
    error = (images / 255.0 - reconstruction) ** 2
    np.testing.assert_allclose(terms["mse"], error.mean((1, 2, 3)), rtol=1e-4)
    kl = 0.5 * (mean**2 + std**2 - 2 * np.log(std) - 1).sum(1)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-3)
    nll = (error / (2 * np.exp(-1.4)) - 0.7 + 0.5 * np.log(2 * np.pi)).sum((1, 2, 3))
    np.testing.assert_allclose(terms["nll"], nll, rtol=1e-4)
    np.testing.assert_allclose(terms["loss"], kl + nll, rtol=1e-4)
    np.testing.assert_allclose(terms["gamma"], np.full(96, np.exp(-0.7)), rtol=1e-6)


def test_uint8_and_float_images_are_the_same_images(images):
    stage = reused(tiny.first_stage)
    as_floats = stage.encode(images.astype("float64") / 255)
    for ours, theirs in zip(stage.encode(images), as_floats):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(flat(stage(images))[0], stage.reconstruct(images), atol=1e-5)


def test_logs_are_means_over_all_examples_with_a_partial_last_batch(images):
    stage = reused(tiny.first_stage)
    stage.encoder.get_layer("log_std").bias.assign([-40.0] * tiny.LATENT_DIM)  # no noise
    logs = stage.evaluate(images, batch_size=36, verbose=0, return_dict=True)
    terms = stage.loss_terms(images)
    assert sorted(logs) == sorted(KEYS)
    for key in KEYS:
        np.testing.assert_allclose(logs[key], flat(terms[key])[0].mean(), rtol=1e-4)


def test_a_fit_logs_the_same_keys_on_both_backends_and_learns(images):
    stage = tiny.first_stage(keras.optimizers.Adam(1e-3))
    history = stage.fit(images, batch_size=16, epochs=12, validation_data=images, verbose=0)
    assert sorted(history.history) == sorted(KEYS + [f"val_{key}" for key in KEYS])
    for key in ("loss", "mse", "gamma", "val_loss"):
        assert history.history[key][-1] < history.history[key][0]
    gap = np.array(history.history["loss"]) - history.history["kl"] - history.history["nll"]
    np.testing.assert_allclose(gap, 0, atol=1e-3)


def test_an_epoch_drops_its_last_partial_batch(images):
    stage = reused(tiny.first_stage)
    stage.fit(images, batch_size=36, epochs=2, verbose=0)
    assert int(flat(stage.optimizer.iterations)[0]) == 2 * (96 // 36)


def test_gamma_equals_the_root_mean_squared_error_at_convergence():
    x = np.tile(tiny.images(64), (5, 1, 1, 1))
    stage = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    stage.compile(keras.optimizers.Adam(0.02), steps_per_execution=4)
    history = stage.fit(x, batch_size=16, epochs=20, verbose=0).history
    assert history["gamma"][-1] < 0.5 * history["gamma"][0]
    np.testing.assert_allclose(
        np.mean(history["gamma"][-4:]), np.sqrt(np.mean(history["mse"][-4:])), rtol=0.02
    )


def test_a_linear_vae_recovers_the_noise_variance_of_probabilistic_pca():
    """Tipping & Bishop (1999): the ML noise variance is the mean of the discarded eigenvalues."""
    rng = np.random.default_rng(0)
    dimensions, latent, shape = 12, 3, (3, 4, 1)
    directions, _ = np.linalg.qr(rng.normal(size=(dimensions, latent)))
    data = rng.normal(size=(1024, latent)) @ (0.15 * directions.T)
    data = (0.5 + data + rng.normal(size=data.shape) * 0.03).astype("float32")
    assert 0 <= data.min() and data.max() <= 1
    eigenvalues = np.linalg.eigvalsh(np.cov(data.T, bias=True))
    noise_variance = eigenvalues[: dimensions - latent].mean()

    stage = tsvae.FirstStageVAE(*tiny.linear_networks(shape, latent))
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 60 * 32)
    stage.compile(keras.optimizers.Adam(schedule), steps_per_execution=8)
    stage.fit(np.tile(data, (32, 1)).reshape(-1, *shape), batch_size=1024, epochs=60, verbose=0)
    np.testing.assert_allclose(stage.gamma**2, noise_variance, rtol=0.02)


def test_the_second_stage_draws_z_anew_at_every_step():
    stage = reused(tiny.second_stage)
    mean, std = np.full((20_000, 4), 2.0, "float32"), np.full((20_000, 4), 0.5, "float32")
    first, second = (flat(stage.targets((mean, std)))[0] for _ in range(2))
    assert np.abs(first - second).mean() > 0.3
    np.testing.assert_allclose([first.mean(), first.std()], [2.0, 0.5], rtol=0.02)
    np.testing.assert_array_equal(flat(stage.targets(mean))[0], mean)


def test_the_second_stage_learns_from_posteriors_by_hand(images):
    first, second = reused(tiny.first_stage), tiny.second_stage(keras.optimizers.Adam(1e-3))
    posteriors = first.posteriors(images, batch_size=40)
    assert len(posteriors) == 96 and posteriors.latent_dim == tiny.LATENT_DIM
    history = second.fit(posteriors, batch_size=16, epochs=8, validation_data=posteriors, verbose=0)
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    as_pair = second.evaluate((posteriors.mean, posteriors.std), verbose=0, return_dict=True)
    assert sorted(as_pair) == sorted(KEYS)
    second.fit(posteriors.mean, posteriors.std, batch_size=16, verbose=0)


def test_second_stage_samples_are_decoded_noise_plus_gamma_noise():
    stage = reused(tiny.second_stage)
    stage.log_gamma.assign(-30.0)
    exact = stage.sample(2000, seed=3)
    stage.log_gamma.assign(np.log(0.25))
    difference = stage.sample(2000, seed=3) - exact
    np.testing.assert_allclose([difference.mean(), difference.std()], [0, 0.25], atol=0.01)


def test_encode_and_decode_of_the_second_stage_are_its_networks():
    stage = reused(tiny.second_stage)
    z = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    mean, std = stage.encode(z, batch_size=16)
    expected_mean, expected_log_std = flat(stage.encoder(z))
    np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
    np.testing.assert_allclose(std, np.exp(expected_log_std), rtol=1e-5)
    np.testing.assert_allclose(stage.decode(z), flat(stage.decoder(z))[0], atol=1e-6)


def test_regularisers_of_user_networks_count():
    def stage(strength):
        keras.utils.set_random_seed(3)
        encoder, decoder = tiny.linear_networks(tiny.IMAGE_SHAPE, 2)
        for layer in decoder.layers:
            if isinstance(layer, keras.layers.Dense):
                layer.kernel.regularizer = keras.regularizers.L2(strength)
        model = tsvae.FirstStageVAE(encoder, decoder)
        model.compile(keras.optimizers.SGD(1e-4))
        model.fit(tiny.images(16), batch_size=16, verbose=0)
        return np.abs(decoder.get_weights()[0]).sum()

    assert stage(100.0) < 0.99 * stage(0.0)


POLICIES = ["mixed_float16", "mixed_bfloat16"]


@pytest.mark.parametrize("policy", POLICIES[: 1 if keras.backend.backend() == "jax" else 2])
def test_mixed_precision_trains_with_sums_in_float32(policy, images):
    keras.config.set_dtype_policy(policy)
    model = reused(tiny.two_stage, "adam", tiny.residual_networks)
    history = model.fit(images, batch_size=16, epochs=4, second_stage_epochs=4, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert history.history["stage1_loss"][-1] < history.history["stage1_loss"][0]
    for stage, data in ((model.first_stage, images), (model.second_stage, model.encode(images))):
        assert stage.log_gamma.dtype == "float32"
        terms = stage.loss_terms(data, training=True)
        assert {keras.backend.standardize_dtype(v.dtype) for v in terms.values()} == {"float32"}
    assert isinstance(model.first_stage.optimizer, keras.optimizers.LossScaleOptimizer) == (
        policy == "mixed_float16"
    )
    assert model.sample(4, seed=0).dtype == np.float32


def test_steps_per_execution_makes_the_same_steps():
    def train(steps):
        keras.utils.set_random_seed(5)
        stage = tiny.second_stage()
        stage.compile(keras.optimizers.SGD(1e-3), steps_per_execution=steps)
        mean, std = np.random.default_rng(0).random((2, 96, 4)).astype("float32")
        stage.fit((mean, std), batch_size=12, epochs=2, verbose=0)
        assert int(flat(stage.optimizer.iterations)[0]) == 16
        return stage.get_weights()

    for one, eight in zip(train(1), train(8)):
        np.testing.assert_allclose(one, eight, atol=1e-5)


def test_jit_compile_and_eager_make_the_same_step(images):
    def train(**kwargs):
        keras.utils.set_random_seed(5)
        encoder, decoder = tiny.linear_networks(tiny.IMAGE_SHAPE, 2)
        encoder.layers[-1].bias.assign([-40.0, -40.0])  # no noise, which XLA draws otherwise
        stage = tsvae.FirstStageVAE(encoder, decoder)
        stage.compile(keras.optimizers.SGD(1e-5), **kwargs)
        stage.fit(images[:16], batch_size=16, shuffle=False, verbose=0)
        return stage.get_weights()

    for compiled, eager in zip(train(jit_compile=True), train(run_eagerly=True)):
        np.testing.assert_allclose(compiled, eager, rtol=1e-4, atol=1e-6)


def test_xla_is_off_on_cpu_by_default():
    expected = keras.backend.backend() == "jax"
    assert tiny.first_stage().jit_compile == expected
    assert tiny.second_stage().jit_compile == expected
