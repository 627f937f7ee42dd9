"""Two logical CPU replicas against one device, on TensorFlow."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy
from tests.harness import flat
from tests.models import family
from tests.models.replicas import two_replicas

tf = pytest.importorskip("tensorflow")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="tf.distribute needs the TensorFlow backend"
    ),
]


@pytest.fixture(scope="module")
def two():
    strategy = two_replicas()
    assert strategy.num_replicas_in_sync == 2
    return strategy


def train(strategy, make, data, batch_size=None):
    """Trains in order, without noise: replicas draw other noise than one device does."""
    keras.utils.set_random_seed(3)
    with strategy.scope():
        stage = make()
        head = stage.encoder.get_layer("log_std")
        head.kernel.assign(np.zeros(head.kernel.shape))
        head.bias.assign(np.full(head.bias.shape, -40.0))
        head.trainable = False
        stage.compile(keras.optimizers.SGD(1e-4))
    history = stage.fit(data, batch_size=batch_size, shuffle=False, verbose=0)
    return stage, history.history


def without_batch_norm():
    x = keras.Input(tiny.IMAGE_SHAPE)
    flattened = keras.layers.Flatten()(x)
    heads = [keras.layers.Dense(4, name=name)(flattened) for name in ("mean", "log_std")]
    z = keras.Input((4,))
    reconstruction = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, "sigmoid")(z))
    return tsvae.FirstStageVAE(keras.Model(x, heads), keras.Model(z, reconstruction))


def with_batch_norm():
    return tsvae.FirstStageVAE(tiny.encoder(), tiny.decoder())


def with_dense_batch_norm():
    return tsvae.FirstStageVAE(*tiny.dense_networks())


def second():
    return tsvae.SecondStageVAE(4, width=8, depth=1)


def with_computed_gamma():
    stage = without_batch_norm()
    return tsvae.FirstStageVAE(stage.encoder, stage.decoder, gamma="computed")


CASES = [
    (without_batch_norm, 16),
    (with_batch_norm, 15),  # split eight and seven
    (with_computed_gamma, 15),
    (second, 16),
]


@pytest.mark.parametrize("make, size", CASES)
def test_two_replicas_take_the_same_step_as_one_device(two, make, size):
    data = tiny.images(16)[:size]
    if make is second:
        data = (tiny.first_stage().encode(data)[0], np.zeros((16, 4), "float32"))
    mirrored, mirrored_logs = train(two, make, data, size)
    single, logs = train(tf.distribute.get_strategy(), make, data, size)
    for ours, theirs in zip(mirrored.weights, single.weights):
        np.testing.assert_allclose(
            flat(ours)[0], flat(theirs)[0], rtol=1e-5, atol=1e-5, err_msg=ours.path
        )
    for key in logs:
        np.testing.assert_allclose(mirrored_logs[key], logs[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, tsvae.optimizers.FusedAdam])
def test_adams_moments_are_mirrored_too(two, optimizer):
    data = (tiny.first_stage().encode(tiny.images(16))[0], np.zeros((16, 4), "float32"))
    steps = []
    for strategy in (two, tf.distribute.get_strategy()):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            stage = second()
            stage.encoder.get_layer("log_std").bias.assign([-40.0] * 4)
            stage.compile(optimizer(1e-3))
        stage.fit(data, batch_size=16, epochs=3, shuffle=False, verbose=0)
        steps.append(flat(stage.encoder.get_layer("mean").kernel)[0])
    np.testing.assert_allclose(*steps, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, tsvae.optimizers.FusedAdam])
def test_gradient_accumulation_is_refused(two, optimizer):
    with two.scope():
        stage = second()
        stage.compile(optimizer(1e-3, gradient_accumulation_steps=2))
    data = (np.zeros((16, 4), "float32"),) * 2
    with pytest.raises(ValueError, match="`optimizer` must not have `gradient_accumulation_steps`"):
        stage.fit(data, batch_size=8, verbose=0)


def test_replicas_draw_different_noise(two):
    with two.scope():
        stage = second()
    zeros = tf.zeros((8, 4))
    draws = {
        "u": lambda: stage.sampling(zeros, zeros),
        "z": lambda: stage.targets((zeros, tf.ones_like(zeros))),
    }
    for draw in draws.values():
        run = tf.function(lambda: two.run(draw))
        rows = np.concatenate([part for _ in range(2) for part in run().values])
        assert len(np.unique(rows)) == rows.size  # neither another replica's nor another step's
        assert abs(rows.mean()) < 0.3 and abs(rows.std() - 1) < 0.3


def test_one_device_draws_as_without_a_strategy():
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    layer, mean = tsvae.layers.GaussianSampling(seed=5), np.zeros((8, 4), "float32")
    generator = keras.random.SeedGenerator(5)
    drawn = one.run(lambda: layer(mean, mean))
    expected = keras.random.normal((8, 4), dtype="float32", seed=generator)
    np.testing.assert_array_equal(drawn, expected)


def test_an_uneven_last_batch_still_takes_the_step_of_the_whole_batch(two):
    """Eight images split four and four, then five split three and two: each counts a fifth."""
    data = tf.data.Dataset.from_tensor_slices(tiny.images(13)).batch(8)

    def step(strategy):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            stage = without_batch_norm()
            stage.encoder.get_layer("log_std").bias.assign([-40.0] * 4)
            stage.compile(keras.optimizers.SGD(1e-4))
        stage.fit(data, verbose=0)
        return stage.weights

    for ours, theirs in zip(step(two), step(tf.distribute.get_strategy())):
        np.testing.assert_allclose(flat(ours)[0], flat(theirs)[0], rtol=1e-5, atol=1e-6)


def stream(count):
    return tf.data.Dataset.from_tensor_slices(tiny.images(17)[:count]).batch(8)


def test_a_streams_last_batch_that_reaches_one_replica_is_not_trained_on(two):
    mirrored, logs = train(two, with_dense_batch_norm, stream(9))
    whole, expected = train(two, with_dense_batch_norm, stream(8))
    for ours, theirs in zip(mirrored.weights, whole.weights):
        np.testing.assert_array_equal(flat(ours)[0], flat(theirs)[0])
    assert logs == expected


def test_nothing_is_left_out_of_an_evaluation(two):
    stages = []
    for strategy in (two, tf.distribute.get_strategy()):
        keras.utils.set_random_seed(3)
        stages.append(compiled(strategy, with_dense_batch_norm))
        stages[-1].encoder.get_layer("log_std").bias.assign([-40.0] * 4)
    ours, theirs = (s.evaluate(stream(17), verbose=0, return_dict=True) for s in stages)
    for key in theirs:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-5, err_msg=key)


class Batches(keras.utils.PyDataset):
    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        return tiny.images(self.sizes[index])


def compiled(strategy, make=without_batch_norm, **arguments):
    with strategy.scope():
        stage = make()
        stage.compile("sgd", **arguments)
    return stage


BAD_SPLITS = {
    "arrays": ({"x": tiny.images(5), "batch_size": 1}, "`batch_size` must leave no device"),
    "a PyDataset": ({"x": Batches(4, 1, 4)}, "`x` must yield batches that leave no device"),
}


@pytest.mark.parametrize("case", BAD_SPLITS)
def test_a_batch_that_leaves_a_replica_without_an_example_is_refused(two, case):
    data, message = BAD_SPLITS[case]
    with pytest.raises(ValueError, match=f"{message} .* a batch of 1$"):
        compiled(two).fit(**data, verbose=0)


def test_steps_per_execution_are_refused(two):
    with pytest.raises(ValueError, match="`steps_per_execution` must be 1 .* Received: 4"):
        compiled(two, steps_per_execution=4).fit(tiny.images(64), verbose=0)


def test_parts_of_another_strategy_are_named(two):
    outside = without_batch_norm()
    optimizer = keras.optimizers.SGD()
    with two.scope():
        outside.compile("sgd")
        inside = without_batch_norm()
    inside.compile(optimizer)
    for stage in (outside, inside):
        with two.scope(), pytest.raises(ValueError, match="in the scope of one strategy"):
            stage.fit(tiny.images(16), batch_size=8, verbose=0)
    inside.compile("sgd")
    inside.fit(tiny.images(16), batch_size=8, verbose=0)


def test_arrays_stay_as_they_are(two):
    """TensorFlow takes arrays at multiples of 64 bytes without copying them, and writes there."""
    memory = np.empty(64 * 8 + 16, "float32")
    start = -memory.ctypes.data % 64 // 4
    means = memory[start : start + 64 * 8].reshape(64, 8)
    stage = compiled(two, lambda: tsvae.SecondStageVAE(8, width=16, depth=1))
    for _ in range(5):
        means[:] = 0.0
        stage.evaluate((means, np.ones((64, 8), "float32")), batch_size=64, verbose=0)
        assert not means.any()


def test_a_conditional_model_is_fitted_outside_the_scope(two):
    images, attributes = toy.data(31)
    with two.scope():
        model = toy.linear()
    model.fit(images, attributes, batch_size=15, recognizer_epochs=1, verbose=0)
    model.fit(images, attributes, batch_size=15, verbose=0)  # whose recognizer is trained already
    assert np.isfinite(model.sample(3, condition={"north_west": 1}, seed=0)).all()


def test_a_whole_two_stage_fit_under_a_strategy(two):
    with two.scope():
        first = tsvae.FirstStageVAE(*tiny.dense_networks(), gamma="computed")
        model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(4, width=8, gamma="computed"))
        model.compile("sgd", "sgd")
    one_left_over = tiny.images(17)  # so that one replica of the last batch gets nothing
    history = model.fit(tiny.images(48), batch_size=16, validation_data=one_left_over, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert model.sample(5, seed=0).shape == (5, 8, 8, 1)


@pytest.mark.parametrize("kind", [kind for kind in family.KINDS if kind != "vae"])  # see above
def test_other_second_stages_are_fitted_under_a_strategy(two, kind):
    data = family.posteriors(33).arrays[:2]  # one left over
    with two.scope():
        stage = family.compiled(kind)
    history = stage.fit(data, batch_size=16, epochs=2, validation_data=data, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    for weight in stage.weights:
        first, other = (value.numpy() for value in weight.value.values)
        np.testing.assert_array_equal(first, other, err_msg=weight.path)
    z = stage.sample(9, seed=0)
    assert np.isfinite(z).all()
    if kind == "flow":
        np.testing.assert_allclose(stage.decode(stage.encode(z)[0]), z, atol=1e-3)
        assert int(flat(stage.steps_averaged)[0]) == 4
        assert np.abs(flat(stage.average[-1])[0]).max() > 0
    if kind == "auto":
        assert stage.choice.num_held_out == 33
    if kind == "mixture":
        alone = family.compiled(kind)
        alone.fit(data, batch_size=16, epochs=2, verbose=0)
        np.testing.assert_allclose(alone.sample(9, seed=0), z, atol=1e-6)


@pytest.mark.parametrize("count", [1, 5])
def test_streams_of_batches_smaller_than_the_devices_are_refused(two, count):
    stream = tf.data.Dataset.from_tensor_slices(tiny.images(count)).batch(1)
    with two.scope():
        stage = without_batch_norm()
        stage.compile(keras.optimizers.SGD(1e-3))
    with pytest.raises(ValueError, match="`x` must yield batches .* each of the 2 devices .* 1$"):
        stage.fit(stream, verbose=0)
