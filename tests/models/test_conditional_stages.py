"""The stages of a conditional model on their own: closed forms, and fits by hand."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat

SHAPE, LATENT, WIDTH = (2, 3, 1), 2, 3
RNG = np.random.default_rng(0)
IMAGES = RNG.random((7, *SHAPE)).astype("float32")
CODES = RNG.normal(size=(7, WIDTH)).astype("float32")
NOISE = RNG.normal(size=(7, LATENT)).astype("float32")
KEYS = ["gamma", "kl", "loss", "mse", "nll"]


def linear_pair(inputs, outputs):
    """A linear map of an input and a condition, as a network that takes conditions."""
    x, c = keras.Input(inputs), keras.Input((WIDTH,))
    both = keras.layers.Concatenate()([keras.layers.Flatten()(x), c])
    heads = [keras.layers.Dense(int(np.prod(shape)))(both) for shape in outputs]
    heads = [keras.layers.Reshape(shape)(head) for head, shape in zip(heads, outputs)]
    network = keras.Model([x, c], heads if len(heads) > 1 else heads[0])
    network.condition_dim = WIDTH
    return network


def first_stage():
    """A conditioned first stage of linear networks, and their matrices."""
    encoder, decoder = linear_pair(SHAPE, [(LATENT,)] * 2), linear_pair((LATENT,), [SHAPE])
    weights = [[RNG.normal(size=w.shape) / 3 for w in n.weights] for n in (encoder, decoder)]
    encoder.set_weights(weights[0])
    decoder.set_weights(weights[1])
    return tsvae.FirstStageVAE(encoder, decoder), *weights


def test_loss_terms_of_linear_networks_are_their_closed_form():
    stage, (mean_w, mean_b, std_w, std_b), (kernel, bias) = first_stage()
    stage.log_gamma.assign(-0.4)
    x = np.concatenate([IMAGES.reshape(7, -1), CODES], 1).astype("float64")
    mean, log_std = x @ mean_w + mean_b, x @ std_w + std_b
    z = mean + np.exp(log_std) * NOISE
    error = (np.concatenate([z, CODES], 1) @ kernel + bias - IMAGES.reshape(7, -1)) ** 2
    kl = 0.5 * (mean**2 + np.exp(2 * log_std) - 2 * log_std - 1).sum(1)
    nll = (error / (2 * np.exp(-0.8)) - 0.4 + 0.5 * np.log(2 * np.pi)).sum(1)
    terms = stage.loss_terms((IMAGES, CODES), noise=NOISE)
    expected = {"kl": kl, "nll": nll, "loss": kl + nll, "mse": error.mean(1)}
    for key, value in expected.items():
        np.testing.assert_allclose(flat(terms[key])[0], value, rtol=1e-4, atol=1e-5)

    ours_mean, ours_std = stage.encode((IMAGES, CODES))
    np.testing.assert_allclose(ours_mean, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours_std, np.exp(log_std), rtol=1e-4)
    decoded = (np.concatenate([mean, CODES], 1) @ kernel + bias).reshape(IMAGES.shape)
    for ours in (
        stage.decode(mean, condition=CODES),
        stage.reconstruct((IMAGES, CODES), batch_size=3),
        flat(stage([IMAGES, CODES]))[0],
    ):
        np.testing.assert_allclose(ours, decoded, rtol=1e-4, atol=1e-5)


def test_the_second_stage_is_trained_on_its_own_condition():
    """Loss terms of z under its condition, by the networks themselves."""
    stage = tsvae.SecondStageVAE(LATENT, 8, 1, condition_dim=WIDTH, conditioning="concat")
    z = RNG.normal(size=(7, LATENT)).astype("float32")
    batch = (z, np.zeros_like(z), CODES)  # posteriors without a deviation
    mean, log_std = flat(stage.encoder([z, CODES]))
    z_hat = flat(stage.decoder([mean + np.exp(log_std) * NOISE, CODES]))[0]
    terms = {key: flat(v)[0] for key, v in stage.loss_terms(batch, noise=NOISE).items()}
    np.testing.assert_allclose(terms["mse"], np.square(z - z_hat).mean(1), rtol=1e-4)
    kl = 0.5 * (mean**2 + np.exp(2 * log_std) - 2 * log_std - 1).sum(1)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-4)
    ours_mean, ours_std = stage.encode(z, condition=CODES, batch_size=3)
    np.testing.assert_allclose(ours_mean, mean, atol=1e-6)
    np.testing.assert_allclose(ours_std, np.exp(log_std), rtol=1e-5)
    one_for_all = stage.decode(z, condition=CODES[0])
    np.testing.assert_allclose(one_for_all, flat(stage.decoder([z, CODES[[0] * 7]]))[0], atol=1e-6)


@pytest.mark.parametrize("width", [WIDTH, 1, LATENT])
def test_the_second_stage_called_reconstructs_z(width):
    stage = tsvae.SecondStageVAE(LATENT, 8, 1, condition_dim=width)
    z, codes = RNG.normal(size=(7, LATENT)).astype("float32"), np.full((7, width), 5, "float32")
    expected = stage.decode(stage.encode(z, condition=codes)[0], condition=codes)
    np.testing.assert_allclose(flat(stage([z, codes]))[0], expected, atol=1e-5)


def test_stages_fitted_by_hand():
    stage, *_ = first_stage()
    stage.compile(keras.optimizers.Adam(1e-2))
    images, codes = np.repeat(IMAGES, 8, 0), np.repeat(CODES, 8, 0)
    history = stage.fit(
        images, codes, batch_size=14, epochs=3, validation_data=(images, codes), verbose=0
    ).history
    assert history["val_loss"][-1] < history["val_loss"][0]
    posteriors = stage.posteriors((images, codes))
    np.testing.assert_array_equal(posteriors.condition, codes)
    second = tsvae.SecondStageVAE(LATENT, 8, 1, condition_dim=WIDTH, gamma="computed")
    second.compile(keras.optimizers.SGD(1e-3))
    second.fit(posteriors, batch_size=14, epochs=2, verbose=0)
    logs = second.evaluate(posteriors.arrays, verbose=0, return_dict=True)
    assert sorted(logs) == KEYS and np.isfinite(list(logs.values())).all()
    rows = np.linspace(0, len(codes) - 1, 8192).round().astype(int)
    sampled = second.sample(8192, seed=0, condition=codes[rows])
    covariance = tsvae.latents.moments(posteriors)[1]
    np.testing.assert_allclose(np.cov(sampled.T), covariance, rtol=1e-2, atol=1e-3)
    assert stage.sample(3, seed=0, condition=CODES[0]).shape == (3, *SHAPE)


def test_the_cross_entropy_takes_conditions():
    stage = tsvae.FirstStageVAE(
        tiny.encoder(condition_dim=2),
        tiny.decoder(condition_dim=2, conditioning="concat"),
        likelihood="cross_entropy",
    )
    images, codes = tiny.images(5) / 255.0, RNG.normal(size=(5, 2)).astype("float32")
    mean, _ = stage.encode((images, codes))
    noise = np.zeros_like(mean)
    stage.encoder.get_layer("log_std").set_weights(
        [np.zeros_like(w) for w in stage.encoder.get_layer("log_std").get_weights()]
    )
    decoded = stage.decode(mean, condition=codes).astype("float64")
    nll = -(images * np.log(decoded) + (1 - images) * np.log(1 - decoded)).sum((1, 2, 3))
    ours = stage.loss_terms((images.astype("float32"), codes), noise=noise)["nll"]
    np.testing.assert_allclose(flat(ours)[0], nll, rtol=1e-4)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda s: s.fit(IMAGES, batch_size=7), "pair images with finite conditions.*without them"),
        (lambda s: s.fit(IMAGES, CODES[:5], batch_size=7), r"shape=\(5, 3\) for 7 images"),
        (lambda s: s.fit(IMAGES, CODES[:, :2], batch_size=7), r"\(n, 3\). Received: .*\(7, 2\)"),
        (lambda s: s.fit(IMAGES, CODES * np.nan, batch_size=7), "Received: NaN"),
        (lambda s: s.encode(IMAGES), "pair images with finite conditions"),
        (lambda s: s.decode(NOISE), "`condition` must be given .* Received: condition=None"),
        (lambda s: s.decode(NOISE, condition=CODES[:2]), r"`condition` must have shape \(7, 3\)"),
        (lambda s: s.sample(2, condition=np.full(3, np.nan)), "`condition` must hold finite"),
        (lambda s: s.sample(2, condition=np.zeros(4)), r"`condition` .*Received: .*\(4,\)"),
    ],
)
def test_conditions_that_do_not_fit_are_named(use, message):
    stage, *_ = first_stage()
    stage.compile("sgd")
    with pytest.raises(ValueError, match=message):
        use(stage)


def test_posteriors_without_conditions_and_conditions_for_nobody_are_named():
    second = tsvae.SecondStageVAE(LATENT, 8, 1, condition_dim=WIDTH)
    second.compile("sgd")
    pair = NOISE, np.ones_like(NOISE)
    with pytest.raises(ValueError, match="conditions of width 3. Received: condition_dim=None"):
        second.fit(pair, batch_size=7)
    with pytest.raises(ValueError, match="conditions of width 3. Received: condition_dim=2"):
        second.fit((*pair, CODES[:, :2]), batch_size=7)
    with pytest.raises(ValueError, match="if and only if the model is conditioned"):
        tsvae.SecondStageVAE(LATENT, 8, 1).decode(NOISE, condition=CODES)


def test_networks_of_two_widths_are_named():
    with pytest.raises(ValueError, match=r"conditions of one width. Received: .*\[2, 3\]"):
        tsvae.FirstStageVAE(tiny.encoder(condition_dim=2), tiny.decoder(condition_dim=3))
