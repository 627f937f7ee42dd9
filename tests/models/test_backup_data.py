"""What goes on where it was, of data and of optimisers, beside what most trainings have."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy
from tests.models.interrupted import IMAGES, KINDS, Interrupt, Trained, fit_second
from tests.models.replicas import two_replicas

pytestmark = pytest.mark.slow

BackupAndRestore = tsvae.callbacks.BackupAndRestore


@pytest.fixture(scope="module")
def both():
    return Trained(*KINDS["both"][:2])


@pytest.fixture(scope="module")
def first():
    return Trained(*KINDS["first"][:2])


class Shuffled(keras.utils.PyDataset):
    """Batches in an order of their own in every epoch."""

    def __init__(self, images):
        super().__init__()
        self.images, self.epoch = images, 0

    def __len__(self):
        return len(self.images) // 16

    def __getitem__(self, index):
        order = np.random.default_rng(self.epoch).permutation(len(self.images))
        return self.images[order[index * 16 : (index + 1) * 16]]

    def on_epoch_end(self):
        self.epoch += 1


def tf_data(images, known=True):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(images).shuffle(96, seed=4).batch(16)
    return data if known else data.filter(lambda batch: True)


@pytest.mark.parametrize(
    "data, arguments",
    [
        (Shuffled, {}),
        (tf_data, {}),
        (lambda images: tf_data(images, known=False), {}),
        (np.copy, {"batch_size": 16, "steps_per_epoch": 4}),
        (np.copy, {"batch_size": 16, "steps_per_epoch": 8}),
    ],
)
def test_data_go_on_where_they_were(data, arguments, first, tmp_path):
    def fit(batches=None):
        callbacks = [] if batches is None else [BackupAndRestore(tmp_path), Interrupt(batches)]
        options = {"callbacks": callbacks, "epochs": 4, "verbose": 0, **arguments}
        return first.model.fit(data(IMAGES), **options, validation_data=data(IMAGES[:32]))

    first.reset()
    expected = fit().history
    values = first.values()
    first.reset()
    for number, batches in enumerate((9, 7)):
        with pytest.raises(KeyboardInterrupt):
            fit(batches)
        first.reset(seed=number)
    assert fit(1000).history == expected
    for ours, theirs in zip(first.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_conditional_stream_goes_on(tmp_path):
    tf = pytest.importorskip("tensorflow")
    trained = Trained(toy.linear, None)

    def fit(batches=None):
        data = tf.data.Dataset.from_tensor_slices((IMAGES, toy.data(96)[1]))
        callbacks = [] if batches is None else [BackupAndRestore(tmp_path), Interrupt(batches)]
        options = {"epochs": 2, "second_stage_epochs": 2, "recognizer_epochs": 2, "verbose": 0}
        data = data.shuffle(96, seed=4).batch(16)
        return trained.model.fit(data, **options, callbacks=callbacks)

    trained.reset()
    expected = fit().history
    values = trained.values()
    trained.reset()
    for number, batches in enumerate((3, 10, 8)):
        with pytest.raises(KeyboardInterrupt):
            fit(batches)
        trained.reset(seed=number)
    assert fit(1000).history == expected
    for ours, theirs in zip(trained.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_posteriors_of_a_file_are_kept_for_the_same_first_stage(both, tmp_path, monkeypatch):
    path, encoded = tmp_path / "posteriors.h5", []
    posteriors = type(both.model.first_stage).posteriors

    def counted(self, *args, **kwargs):
        encoded.append(kwargs.get("path"))
        return posteriors(self, *args, **kwargs)

    monkeypatch.setattr(tsvae.FirstStageVAE, "posteriors", counted)
    both.reset()
    both.fit(tmp_path / "unbroken")
    values = both.values()
    places = (30, 2, 2)  # in the second stage
    for number, batches in enumerate((*places, None)):
        encoded.clear()
        if number == 2:
            path.write_bytes(path.read_bytes()[:-8] + bytes(8))
        both.reset(None if number == 0 else number)
        try:
            backup = BackupAndRestore(tmp_path / "backup")
            both.fit(tmp_path, backup, batches, posteriors_path=path)
        except KeyboardInterrupt:
            pass
        assert (path in encoded) == (number in (0, 2))
    for ours, theirs in zip(both.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_mixed_precision_averages_and_several_steps_at_once(tmp_path):
    """The loss scale, the average of weights, and what `SwapEMAWeights` has done are kept."""

    def make():
        keras.config.set_dtype_policy("mixed_float16")
        model = tsvae.SecondStageVAE(tiny.LATENT_DIM, 8, 1)
        model.compile(keras.optimizers.Adam(1e-2, use_ema=True), steps_per_execution=2)
        return model

    def fit(model, callbacks, **arguments):
        data = np.random.default_rng(0).normal(size=(2, 96, 4)).astype("float32")
        callbacks = [*callbacks, keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]
        options = {"batch_size": 16, "epochs": 4, "callbacks": callbacks, **arguments}
        return model.fit(data[0], abs(data[1]), **options)

    trained = Trained(make, fit)
    trained.reset()
    expected = trained.fit(tmp_path / "unbroken").history
    values = trained.values()
    assert trained.interrupted(tmp_path, [4, 5]).history == expected
    for ours, theirs in zip(trained.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_several_devices_go_on(tmp_path):
    def make():
        with two_replicas().scope():
            return tiny.second_stage("adam")

    trained = Trained(make, fit_second)
    trained.reset()
    expected = fit_second(trained.model, verbose=0).history
    values = trained.values()
    trained.reset()
    with pytest.raises(KeyboardInterrupt):
        callbacks = [BackupAndRestore(tmp_path), Interrupt(8)]
        fit_second(trained.model, callbacks=callbacks, verbose=0)
    trained.reset(seed=1)
    assert fit_second(trained.model, callbacks=callbacks[:1], verbose=0).history == expected
    for ours, theirs in zip(trained.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)
