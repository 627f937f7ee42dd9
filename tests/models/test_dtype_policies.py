"""Every dtype policy trains: what has to be float32 is, and nothing crashes."""

import keras
import numpy as np
import pytest
from keras.optimizers import LossScaleOptimizer

import keras_tsvae as tsvae
from tests import tiny

pytestmark = pytest.mark.slow


def test_networks_in_float64_are_trained(images, tmp_path):
    keras.config.set_dtype_policy("float64")
    sizes = {"base_dim": 2, "fc_dim": 8}
    first = tsvae.FirstStageVAE(
        tsvae.networks.InfoGANEncoder((8, 8, 1), 4, **sizes),
        tsvae.networks.InfoGANDecoder((8, 8, 1), 4, **sizes),
    )
    first.compile(tsvae.optimizers.FusedAdam(1e-3))
    kernel = first.decoder.get_layer("grid").kernel
    before = keras.ops.convert_to_numpy(kernel)
    history = first.fit(images, batch_size=32, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert not np.array_equal(keras.ops.convert_to_numpy(kernel), before)
    if keras.backend.backend() == "tensorflow":  # JAX has float64 only where it is switched on
        assert before.dtype == "float64"
    mean, std = first.encode(images[:4])
    assert mean.dtype == std.dtype == first.decode(mean).dtype == "float32"
    first.save(tmp_path / "first.keras")
    loaded = keras.saving.load_model(tmp_path / "first.keras")
    np.testing.assert_array_equal(loaded.decode(mean), first.decode(mean))


def test_batches_in_float64_are_normalised_as_in_float32():
    x = np.random.default_rng(0).normal(2.0, 3.0, (16, 3)).astype("float32")
    usual, wide = (
        tsvae.layers.DebiasedBatchNormalization(dtype=dtype) for dtype in ("float32", "float64")
    )
    for training in (True, False):
        ours, theirs = usual(x, training=training), wide(x, training=training)
        np.testing.assert_allclose(np.asarray(theirs), np.asarray(ours), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(wide.moving_mean), x.mean(0), rtol=1e-5)


def in_half(network):
    return network(dtype="mixed_float16")


def test_networks_in_float16_get_their_loss_scaled(images, tmp_path):
    first = tsvae.FirstStageVAE(in_half(tiny.encoder), tiny.decoder())
    second = tsvae.SecondStageVAE(
        4, encoder=tsvae.networks.MLPEncoder(4, width=8, depth=1, dtype="mixed_float16")
    )
    for stage in (first, second):
        assert stage.dtype_policy.name == "float32"
        stage.compile("adam")
        assert isinstance(stage.optimizer, LossScaleOptimizer)
        stage.compile("adam", auto_scale_loss=False)
        assert not isinstance(stage.optimizer, LossScaleOptimizer)
    first.compile(LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=8.0))
    assert isinstance(first.optimizer.inner_optimizer, keras.optimizers.Adam)
    first.fit(images, batch_size=32, epochs=1, verbose=0)
    first.save(tmp_path / "first.keras")
    loaded = keras.saving.load_model(tmp_path / "first.keras")
    assert isinstance(loaded.optimizer.inner_optimizer, keras.optimizers.Adam)
    assert int(loaded.optimizer.step_counter) == 3
    assert float(loaded.optimizer.dynamic_scale) == 8.0
    loaded.fit(images, batch_size=32, epochs=1, verbose=0)


def test_loss_scaling_that_was_not_wanted_stays_away(tmp_path):
    first = tsvae.FirstStageVAE(in_half(tiny.encoder), in_half(tiny.decoder))
    first.compile("sgd", auto_scale_loss=False)
    first.save(tmp_path / "first.keras")
    loaded = keras.saving.load_model(tmp_path / "first.keras")
    assert isinstance(loaded.optimizer, keras.optimizers.SGD)
    config = first.get_compile_config()
    config.pop("auto_scale_loss")  # as in files of a time when networks alone did not count
    loaded.compile_from_config(config)
    assert isinstance(loaded.optimizer, keras.optimizers.SGD)
    assert isinstance(tiny.first_stage().optimizer, keras.optimizers.SGD)
