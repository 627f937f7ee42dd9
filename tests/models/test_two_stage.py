import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow

KEYS = ["gamma", "kl", "loss", "mse", "nll"]


class Batches(keras.utils.PyDataset):
    """Images in batches of 16, with labels."""

    def __init__(self, images):
        super().__init__()
        self.images = images
        self.epochs_ended = 0

    def __len__(self):
        return len(self.images) // 16

    def __getitem__(self, index):
        return self.images[index * 16 : (index + 1) * 16], np.zeros(16)

    def on_epoch_end(self):
        self.epochs_ended += 1


def test_fit_returns_a_history_whose_keys_say_the_stage(images, capsys):
    model = reused(tiny.two_stage)
    history = model.fit(images, batch_size=16, epochs=2, validation_data=images[:40], verbose=2)
    expected = [
        f"{stage}_{val}{k}" for stage in ("stage1", "stage2") for val in ("", "val_") for k in KEYS
    ]
    assert sorted(history.history) == sorted(expected)
    assert len(history.history["stage1_loss"]) == 2
    assert len(history.history["stage2_loss"]) == 4  # twice the first stage's, by default
    assert model.history is history
    printed = capsys.readouterr().out
    assert printed.index("Stage 1") < printed.index("Stage 2")
    assert printed.count("Epoch") == 6 and all(f"{key}: " in printed for key in KEYS)


@pytest.mark.parametrize(
    "data",
    [
        lambda x: (x / 255.0, np.zeros(len(x))),
        lambda x: keras.ops.convert_to_tensor(x),
        Batches,
    ],
)
def test_all_forms_of_images(data, images):
    x = data(images)
    size = None if isinstance(x, Batches) else 16
    history = reused(tiny.two_stage).fit(x, batch_size=size, verbose=0, validation_data=x)
    assert all(np.isfinite(values).all() for values in history.history.values())
    if isinstance(x, Batches):
        assert x.epochs_ended >= 1  # so that it can shuffle


def test_tf_data(images):
    tf = pytest.importorskip("tensorflow")
    for elements in ((images, np.arange(96)), images / 255.0):
        data = tf.data.Dataset.from_tensor_slices(elements).shuffle(96).batch(16)
        model = reused(tiny.two_stage)
        history = model.fit(data, batch_size=32, verbose=0, validation_data=data)
        assert int(flat(model.first_stage.optimizer.iterations)[0]) == 6
        assert int(flat(model.second_stage.optimizer.iterations)[0]) == 2 * 3
        assert "stage2_val_loss" in history.history


@pytest.mark.parametrize("shape", [(None, None, None, 1), None])
def test_tf_data_of_unknown_shape(shape, images):
    tf = pytest.importorskip("tensorflow")
    floats = (images / 255).astype("float32")
    data = tf.data.Dataset.from_generator(
        lambda: iter([floats[:16], floats[16:32]]), output_signature=tf.TensorSpec(shape)
    )
    history = reused(tiny.two_stage).fit(data, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())


def test_the_second_stage_can_take_larger_steps_and_verbose_0_prints_nothing(images, capsys):
    model = reused(tiny.two_stage)
    sizes = {"batch_size": 16, "second_stage_batch_size": 48}
    model.fit(images, epochs=1, second_stage_epochs=3, **sizes, verbose=0)
    assert int(flat(model.first_stage.optimizer.iterations)[0]) == 6
    assert int(flat(model.second_stage.optimizer.iterations)[0]) == 3 * 2
    assert capsys.readouterr().out == ""


def test_epochs_of_0_leave_a_stage_alone(images):
    model = reused(tiny.two_stage)
    before = [w.copy() for w in model.first_stage.get_weights()]
    history = model.fit(images, batch_size=16, epochs=0, second_stage_epochs=1, verbose=0)
    assert all(key.startswith("stage2") for key in history.history)
    for a, b in zip(before, model.first_stage.get_weights()):
        np.testing.assert_array_equal(a, b)
    before = [w.copy() for w in model.second_stage.get_weights()]
    model.fit(images, batch_size=16, epochs=1, second_stage_epochs=0, verbose=0)
    for a, b in zip(before, model.second_stage.get_weights()):
        np.testing.assert_array_equal(a, b)
    # Nor does the second stage move the first once that is trained.
    before = [w.copy() for w in model.first_stage.get_weights()]
    model.fit(images, batch_size=16, epochs=0, second_stage_epochs=2, verbose=0)
    for a, b in zip(before, model.first_stage.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_seeds_fix_a_whole_training_and_posteriors_beyond_the_limit_go_to_a_file(images, tmp_path):
    def train(**kwargs):
        keras.utils.set_random_seed(0)
        model = tiny.two_stage()
        model.fit(images, batch_size=16, verbose=0, **kwargs)
        return model

    in_memory = train()
    for a, b in zip(in_memory.get_weights(), train().get_weights()):
        np.testing.assert_array_equal(a, b)
    path = tmp_path / "new folder" / "posteriors.h5"
    on_disk = train(posteriors_memory_limit=100, posteriors_path=path)
    posteriors = tsvae.Posteriors.load(path)
    mean, std = in_memory.encode(images)
    np.testing.assert_allclose(posteriors.mean, mean, atol=1e-6)
    np.testing.assert_allclose(posteriors.std, std, atol=1e-6)
    for a, b in zip(in_memory.get_weights(), on_disk.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_methods_on_images(fitted, images):
    mean, std = fitted.encode(images, batch_size=40)
    assert mean.shape == std.shape == (96, 4) and mean.dtype == np.float32 and (std > 0).all()
    np.testing.assert_allclose(mean, fitted.encode(images)[0], atol=1e-5)
    reconstruction = fitted.reconstruct(images, batch_size=40)
    np.testing.assert_allclose(reconstruction, fitted.decode(mean), atol=1e-5)
    np.testing.assert_allclose(reconstruction, fitted.predict(images, verbose=0), atol=1e-5)
    assert reconstruction.shape == images.shape and 0 <= reconstruction.min()


def test_interpolation_runs_from_one_reconstruction_to_the_other(fitted, images):
    line = fitted.interpolate(images[0], images[1], 5)
    assert line.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(line[[0, -1]], fitted.reconstruct(images[:2]), atol=1e-5)
    mean, _ = fitted.encode(images[:2])
    np.testing.assert_allclose(line[2], fitted.decode(mean.mean(0)[None])[0], atol=1e-5)
    lines = fitted.interpolate(images[:3], images[3:6], 4)
    assert lines.shape == (3, 4, 8, 8, 1)


@pytest.mark.parametrize("stage", [1, 2])
def test_equal_seeds_give_equal_images_whatever_the_batch_size(fitted, stage):
    reference = fitted.sample(300, stage=stage, seed=5)
    assert reference.shape == (300, 8, 8, 1) and reference.dtype == np.float32
    np.testing.assert_array_equal(reference, fitted.sample(300, stage=stage, seed=5))
    for size in (7, 256, 1000):
        again = fitted.sample(300, stage=stage, seed=5, batch_size=size)
        np.testing.assert_allclose(again, reference, atol=1e-5)
    np.testing.assert_allclose(fitted.sample(10, stage=stage, seed=5), reference[:10], atol=1e-5)
    assert np.abs(fitted.sample(300, stage=stage, seed=6) - reference).max() > 1e-3


def test_without_a_seed_samples_differ_and_the_stages_differ(fitted):
    assert np.abs(fitted.sample(10) - fitted.sample(10)).max() > 1e-4
    assert np.abs(fitted.sample(10, seed=1) - fitted.sample(10, seed=1, stage=1)).max() > 1e-4


def test_stage_2_sampling_is_the_chain_of_both_decoders(fitted):
    z = fitted.second_stage.sample(20, seed=4)
    np.testing.assert_allclose(fitted.sample(20, seed=4), fitted.decode(z), atol=1e-5)


def test_stage_1_samples_come_from_the_prior(fitted):
    from keras_tsvae.arrays.noise import noise_batches

    z = np.concatenate([part[0] for part in noise_batches(5000, 4, 9, 256)])
    np.testing.assert_allclose(z.mean(0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=0.08)
    np.testing.assert_allclose(fitted.sample(9, stage=1, seed=9), fitted.decode(z[:9]), atol=1e-5)


def test_a_million_samples_come_in_batches(fitted):
    batches = fitted.sample_batches(1_000_000, seed=0, batch_size=100)
    first = next(batches)
    assert first.shape == (100, 8, 8, 1)
    np.testing.assert_allclose(first, fitted.sample(100, seed=0), atol=1e-5)
    assert sum(len(b) for b in fitted.sample_batches(250, stage=1, batch_size=100)) == 250


def test_evaluate_measures_both_stages(fitted, images):
    results = fitted.evaluate(images, batch_size=40)
    assert sorted(results) == sorted(f"{s}_{k}" for s in ("stage1", "stage2") for k in KEYS)
    np.testing.assert_allclose(results["stage2_gamma"], fitted.second_stage.gamma, rtol=1e-5)


def test_user_made_networks(images):
    layers = keras.layers

    class Encoder(keras.layers.Layer):
        """Not functional, and not built before it sees images."""

        def __init__(self):
            super().__init__()
            self.heads = [layers.Dense(4), layers.Dense(4)]
            self.flatten = layers.Flatten()

        def build(self, input_shape):
            for head in self.heads:
                head.build((None, int(np.prod(input_shape[1:]))))

        def call(self, x):
            return tuple(head(self.flatten(x)) for head in self.heads)

    decoder = keras.Sequential([layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1))])
    first = tsvae.FirstStageVAE(Encoder(), decoder)
    assert not first.built
    model = tsvae.TwoStageVAE(first, tiny.second_stage())
    model.compile()
    model.fit(images, batch_size=16, verbose=0)
    assert model.image_shape == (8, 8, 1) and model.sample(3).shape == (3, 8, 8, 1)


def test_summaries_show_real_shapes(fitted):
    lines = []
    fitted.summary(print_fn=lambda line, **_: lines.append(line), expand_nested=True)
    text = "\n".join(lines)
    assert "(None, 8, 8, 1)" in text and "(None, 4)" in text and "?" not in text
