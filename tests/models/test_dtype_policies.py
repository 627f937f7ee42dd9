"""Every dtype policy trains: what has to be float32 is, and nothing crashes."""

import keras
import numpy as np

import keras_tsvae as tsvae


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
