import functools

import keras
import numpy as np
import pytest

from keras_tsvae.layers import DebiasedBatchNormalization
from tests.harness import check_serializable, flat, gradients

BATCHES = np.random.default_rng(0).normal(2.0, 3.0, (60, 16, 4, 5, 3)).astype("float32")


def moving_average(values, decay):
    """Returns the average with the weights that the recursion amounts to, written out."""
    steps = np.arange(1, len(values) + 1)
    rates = np.maximum(1 - decay, 10 / (steps + 9))
    weights = [rate * np.prod(1 - rates[step:]) for step, rate in zip(steps, rates)]
    np.testing.assert_allclose(np.sum(weights), 1.0)  # nothing is left of the start values
    return np.tensordot(weights, values, 1)


@pytest.mark.parametrize("decay", [0.999, 0.8])
@pytest.mark.parametrize("steps", [1, 2, 50])
def test_moving_statistics_are_averages_of_the_latest_batches(decay, steps):
    layer = DebiasedBatchNormalization(decay=decay)
    for batch in BATCHES[:steps]:
        layer(batch, training=True)
    means = BATCHES[:steps].astype("float64").mean((1, 2, 3))
    variances = BATCHES[:steps].astype("float64").var((1, 2, 3))
    for ours, expected in ((layer.moving_mean, means), (layer.moving_variance, variances)):
        np.testing.assert_allclose(flat(ours)[0], moving_average(expected, decay), rtol=2e-5)


def test_evaluation_is_sane_after_50_steps():
    layer = DebiasedBatchNormalization()
    for batch in BATCHES[:50]:
        layer(batch, training=True)
    outputs = flat(layer(BATCHES[50:].reshape(-1, 4, 5, 3)))[0]
    np.testing.assert_allclose(outputs.mean((0, 1, 2)), 0.0, atol=0.1)
    np.testing.assert_allclose(outputs.std((0, 1, 2)), 1.0, atol=0.05)


def test_statistics_are_exact_after_50000_steps():
    layer = DebiasedBatchNormalization()
    layer.build((None, 3))
    layer.num_updates.assign(49_999.0)
    layer.moving_mean.assign([1.0, -2.0, 0.5])
    layer.moving_variance.assign([1.0, 4.0, 0.25])
    batch = BATCHES[0].reshape(-1, 3)
    layer(batch, training=True)
    past, now = np.array([1.0, -2.0, 0.5]), batch.astype("float64").mean(0)
    np.testing.assert_allclose(flat(layer.moving_mean)[0], 0.999 * past + 0.001 * now, rtol=1e-5)
    assert float(flat(layer.num_updates)[0]) == 50_000


@pytest.mark.parametrize("shape", [(32, 3), (8, 4, 3), (8, 2, 2, 3), (4, 2, 2, 2, 3)])
def test_training_outputs_and_gradients_are_those_of_keras(shape):
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    ours, theirs = DebiasedBatchNormalization(), keras.layers.BatchNormalization(epsilon=1e-5)
    for layer in (ours, theirs):
        layer.build((None, *shape[1:]))
        layer.trainable_weights[0].assign([1.5, 0.5, -1.0])
        layer.trainable_weights[1].assign([0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        flat(ours(x, training=True))[0], flat(theirs(x, training=True))[0], atol=1e-5
    )
    for a, b in zip(gradients(ours, (x,)), gradients(theirs, (x,))):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_frozen_layer_neither_uses_nor_records_the_batch():
    layer = DebiasedBatchNormalization(trainable=False)
    outputs = flat(layer(BATCHES[0], training=True))[0]
    np.testing.assert_allclose(outputs, BATCHES[0] / np.sqrt(1 + 1e-5), rtol=1e-5)
    assert float(flat(layer.num_updates)[0]) == 0


def test_a_batch_of_one_vector_leaves_everything_finite():
    layer = DebiasedBatchNormalization()
    assert np.isfinite(flat(layer(BATCHES[0, :1, 0, 0], training=True))[0]).all()
    assert np.isfinite(flat(layer.moving_variance)[0]).all()


def test_statistics_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    layer = DebiasedBatchNormalization()
    big = 1000.0 + 500.0 * BATCHES[0]  # squares overflow float16
    outputs = flat(layer(keras.ops.cast(big, "float16"), training=True))[0]
    assert outputs.dtype == np.float16 and np.isfinite(outputs).all()
    np.testing.assert_allclose(flat(layer.moving_variance)[0], big.var((0, 1, 2)), rtol=1e-2)


def test_round_trip(tmp_path):
    make = functools.partial(DebiasedBatchNormalization, decay=0.9, epsilon=1e-3)
    check_serializable(make, BATCHES[0], tmp_path, training_matters=True)


@pytest.mark.parametrize("bad", [{"decay": 1.0}, {"decay": "a"}, {"epsilon": 0.0}])
def test_bad_arguments_are_named(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=rf"`{name}` must .* Received: {name}="):
        DebiasedBatchNormalization(**bad)


def test_unknown_channels_are_refused():
    with pytest.raises(ValueError, match="last axis .* must be known"):
        DebiasedBatchNormalization().build((None, 4, None))
