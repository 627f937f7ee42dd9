import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.optimizers import FusedAdam
from tests import tiny
from tests.harness import flat

pytestmark = pytest.mark.slow


def steps(optimizer, number=6):
    """Values of two variables after steps along fixed gradients."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in ((3, 4), ())]
    for _ in range(number):
        gradients = [rng.normal(size=v.shape).astype("float32") for v in variables]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
    return [keras.ops.convert_to_numpy(v) for v in (*variables, *optimizer.variables)]


def array(variable):
    """Returns the value of a variable."""
    return flat(variable)[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"learning_rate": 0.1},
        {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"learning_rate": 0.1, "amsgrad": True},
        {"learning_rate": 0.1, "clipnorm": 0.5, "weight_decay": 0.1, "use_ema": True},
        {"learning_rate": 0.1, "gradient_accumulation_steps": 2},
        {
            "learning_rate": 0.1,
            "gradient_accumulation_steps": 3,
            "global_clipnorm": 0.5,
            "weight_decay": 0.1,
            "use_ema": True,
            "ema_overwrite_frequency": 2,
        },
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 5)},
    ],
)
def test_each_step_is_kerass_adams(arguments):
    ours, theirs = steps(FusedAdam(**arguments)), steps(keras.optimizers.Adam(**arguments))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_six_steps_are_those_of_the_paper():
    """Algorithm 1 of Kingma & Ba (2015), in float64."""
    rng = np.random.default_rng(0)
    value, _ = rng.normal(size=(3, 4)), rng.normal(size=())
    value, m, v = value.astype("float32").astype(float), 0.0, 0.0
    for t in range(1, 7):
        gradient, _ = rng.normal(size=(3, 4)).astype("float32"), rng.normal(size=())
        m, v = 0.8 * m + 0.2 * gradient, 0.99 * v + 0.01 * gradient**2.0
        value -= 0.1 * m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-7)
    ours = steps(FusedAdam(0.1, beta_1=0.8, beta_2=0.99))[0]
    np.testing.assert_allclose(ours, value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_a_stage_takes_it_by_default_and_goes_on_after_loading(dtype, tmp_path):
    stage = tsvae.SecondStageVAE(4, width=16, depth=1, dtype=dtype)
    stage.compile()
    optimizer = getattr(stage.optimizer, "inner_optimizer", stage.optimizer)
    assert isinstance(optimizer, FusedAdam)
    z = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    data = (z, np.zeros_like(z))
    stage.fit(data, batch_size=16, epochs=2, verbose=0)
    before = [flat(v)[0] for v in optimizer.variables]
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    again = getattr(loaded.optimizer, "inner_optimizer", loaded.optimizer)
    for ours, theirs in zip(again.variables, before, strict=True):
        np.testing.assert_array_equal(flat(ours)[0], theirs)
    made = int(flat(again.iterations)[0])
    loaded.fit(data, batch_size=16, verbose=0)
    assert 1 <= made < int(flat(again.iterations)[0])  # mixed_float16 skips some steps


def test_presets_take_it_for_adam():
    model = tsvae.TwoStageVAE.from_preset("mnist_infogan", base_dim=2, fc_dim=4, latent_dim=2)
    model.compile()
    assert all(type(stage.optimizer) is FusedAdam for stage in model.stages().values())


def test_a_first_stage_learns_as_with_adam(images):
    losses = []
    for optimizer in (FusedAdam(1e-3), keras.optimizers.Adam(1e-3)):
        keras.utils.set_random_seed(0)
        stage = tiny.first_stage(optimizer)
        losses.append(stage.fit(images, batch_size=32, epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.AdamW, FusedAdam])
def test_gradients_are_accumulated_in_fit_and_after_loading(make, dtype, tmp_path):
    z = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    data = (z, np.zeros_like(z))
    stage = tsvae.SecondStageVAE(4, width=16, depth=1, dtype=dtype)
    stage.compile(make(0.01, gradient_accumulation_steps=2))
    before = array(stage.encoder.weights[0])
    stage.fit(data, batch_size=64, epochs=1, verbose=0)
    np.testing.assert_array_equal(array(stage.encoder.weights[0]), before)  # a half step
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    loaded.fit(data, batch_size=64, epochs=1, verbose=0)
    if dtype == "float32":  # a float16 step may be skipped
        assert np.any(array(loaded.encoder.weights[0]) != before)


def test_a_stage_of_accumulated_gradients_makes_the_steps_of_whole_batches():
    z = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    results = []
    for steps, size in ((None, 64), (4, 16)):
        keras.utils.set_random_seed(0)
        stage = tsvae.SecondStageVAE(4, width=16, depth=1, gamma=1.0)
        stage.compile(FusedAdam(0.01, gradient_accumulation_steps=steps))
        stage.sampling.call = lambda mean, log_std, noise=None: mean  # alike in both
        stage.fit((z, np.zeros_like(z)), batch_size=size, epochs=3, shuffle=False, verbose=0)
        results.append(np.concatenate([array(v).ravel() for v in stage.trainable_variables]))
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.AdamW, FusedAdam])
def test_weight_decay_leaves_log_gamma_and_what_a_user_names_alone(make, dtype):
    stage = tsvae.SecondStageVAE(4, width=16, depth=1, dtype=dtype)
    optimizer = make(0.0, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=stage.encoder.weights[1:2], var_names=["bias"])
    stage.compile(optimizer)
    stage.build_optimizers()
    optimizer.learning_rate = 1.0
    stage.log_gamma.assign(-3.0)
    stage.encoder.weights[1].assign(np.ones(16, "float32"))
    kernel, bias = (array(weight) for weight in stage.encoder.weights[:2])
    optimizer.apply([keras.ops.zeros(v.shape) for v in stage.trainable_variables])
    assert array(stage.log_gamma) == -3.0
    np.testing.assert_allclose(array(stage.encoder.weights[0]), 0.9 * kernel, rtol=1e-5)
    np.testing.assert_array_equal(array(stage.encoder.weights[1]), bias)


def test_weight_decay_leaves_log_gamma_alone_after_loading(tmp_path):
    stage = tsvae.SecondStageVAE(4, width=16, depth=1)
    stage.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.1))
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    loaded.log_gamma.assign(-3.0)
    loaded.optimizer.learning_rate = 1.0
    kernel = array(loaded.encoder.weights[0])
    loaded.optimizer.apply([keras.ops.zeros(v.shape) for v in loaded.trainable_variables])
    assert array(loaded.log_gamma) == -3.0
    np.testing.assert_allclose(array(loaded.encoder.weights[0]), 0.9 * kernel, rtol=1e-5)
