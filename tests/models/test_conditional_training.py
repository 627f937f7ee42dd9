import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.arrays.noise import noise_batches
from keras_tsvae.conditions import Attributes, Classes, JointConditions, Number, Vector
from tests import tiny
from tests.conditions import toy
from tests.reused import reused

pytestmark = pytest.mark.slow

IMAGES, ATTRIBUTES = toy.data(96)
LABELS = np.arange(96) % 5
KEYS = ["gamma", "kl", "loss", "mse", "nll"]
QUICK = {"epochs": 0, "second_stage_epochs": 1, "recognizer_epochs": 0, "verbose": 0}


class Batches(keras.utils.PyDataset):
    """Pairs of images and conditions, 16 at a time."""

    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images) // 16

    def __getitem__(self, index):
        rows = slice(index * 16, (index + 1) * 16)
        return self.images[rows], self.labels[rows]


def tf_data(images, labels):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)


FORMS = {
    "arrays": lambda x, y: {"x": x, "y": y, "batch_size": 16},
    "a pair": lambda x, y: {"x": (x, y), "batch_size": 16},
    "PyDataset": lambda x, y: {"x": Batches(x, y), "batch_size": 16},
    "tf.data": lambda x, y: {"x": tf_data(x, y), "batch_size": 16},
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_posteriors_with_their_conditions(form, tmp_path):
    """Through an HDF5 file, in the order of the images."""
    model = reused(toy.linear)
    path = tmp_path / "posteriors.h5"
    model.fit(
        **FORMS[form](IMAGES, ATTRIBUTES),
        **QUICK,
        correct_conditions=False,
        posteriors_memory_limit=0,
        posteriors_path=path,
    )
    posteriors = tsvae.Posteriors.load(path)
    np.testing.assert_array_equal(posteriors.condition, ATTRIBUTES)
    mean, std = model.encode(IMAGES)
    np.testing.assert_allclose(posteriors.mean, mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(posteriors.std, std, rtol=1e-4)
    drawn = model.draw_conditions(2000, seed=0)
    np.testing.assert_allclose(drawn.mean(0), ATTRIBUTES.mean(0), atol=0.1)


def test_posteriors_on_disk_and_in_memory_train_alike():
    def weights(limit):
        keras.utils.set_random_seed(3)
        model = reused(toy.linear)
        arguments = {"posteriors_memory_limit": limit, "correct_conditions": False}
        model.fit(IMAGES, ATTRIBUTES, 16, **QUICK, **arguments)
        return model.second_stage.get_weights()

    for on_disk, in_memory in zip(weights(0), weights(2**30)):
        np.testing.assert_allclose(on_disk, in_memory, atol=1e-6)


@pytest.mark.parametrize(
    "conditions, labels, form, wanted, inferred",
    [
        (Classes(names=list("abcde")), LABELS, "tf.data", "c", ("int64", (96,))),
        (Number(), LABELS, "PyDataset", 3, ("float32", (96,))),
        (Vector(2), np.stack([LABELS, -LABELS], 1) / 4, "a pair", [0, -0.5], ("float32", (96, 2))),
    ],
)
def test_every_kind_of_condition(conditions, labels, form, wanted, inferred, capsys):
    model = toy.linear(conditions)
    data = FORMS[form](IMAGES, labels)
    validation = data["x"] if form == "tf.data" else None
    history = model.fit(**data, **{**QUICK, "recognizer_epochs": 1}, validation_data=validation)
    assert capsys.readouterr().out == ""
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert ("stage2_val_loss" in history.history) == (validation is not None)
    assert model.sample(3, seed=0, condition=wanted).shape == (3, 8, 8, 1)
    shown = model.infer_condition(IMAGES)
    assert (shown.dtype.name, shown.shape) == inferred
    np.testing.assert_array_equal(
        np.unique(model.draw_conditions(500, seed=0), axis=0),
        np.unique(conditions.encode(labels), axis=0),
    )
    if conditions.kind == "classes":
        results = model.evaluate(data["x"])
        assert sorted(results) == sorted(f"stage{s}_{key}" for s in (1, 2) for key in KEYS)
        return
    with pytest.raises(ValueError, match="`strength` must be 1 .* Received: strength=2"):
        model.sample(3, condition=wanted, strength=2)
    if conditions.kind == "number":  # as one of those seen
        assert set(shown.tolist()) <= set(range(5))


def test_a_first_stage_alone_can_be_conditioned():
    model = tsvae.ConditionalTwoStageVAE(
        tsvae.FirstStageVAE(tiny.encoder(condition_dim=3), tiny.decoder(condition_dim=3)),
        tsvae.SecondStageVAE(toy.LATENT_DIM, 8, 1),
        Attributes(toy.NAMES),
    )
    model.joint = JointConditions(toy.ROWS, toy.SHARES)
    for w in model.first_stage.weights:
        if "modulation" in w.path:
            w.assign(np.full(w.shape, 0.3))
    u, noise, _ = next(noise_batches(20, toy.LATENT_DIM, 7, 20, parts=3))
    mean = model.second_stage.decode(u)
    z = mean + model.second_stage.gamma * noise
    codes = toy.ROWS[np.arange(20) % 6].astype("float32")
    expected = model.first_stage.decode(z, condition=codes)
    np.testing.assert_allclose(model.sample(20, seed=7, condition=codes), expected, atol=1e-5)
    others = model.sample(20, seed=7, condition=-codes)
    assert np.abs(others - expected).max() > 1e-3


@pytest.fixture(scope="module")
def wrapped():
    """A linear first stage trained alone, its weights then, and the wrapper, trained on."""
    keras.utils.set_random_seed(1234)
    images, attributes = toy.data(1024)
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, toy.LATENT_DIM))
    plain = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(toy.LATENT_DIM, 32, 2))
    plain.compile(tsvae.optimizers.FusedAdam(1e-2))
    plain.fit(images, epochs=15, second_stage_epochs=0, verbose=0)
    before = [w.copy() for w in plain.get_weights()]
    model = tsvae.ConditionalTwoStageVAE.wrap(plain, Attributes(toy.NAMES))
    model.compile(None, tsvae.optimizers.FusedAdam(1e-2))
    model.fit(images, attributes, second_stage_epochs=10, recognizer_epochs=1, verbose=0)
    return plain, before, model


def test_a_wrapper_obeys_and_leaves_the_trained_model_as_it_was(wrapped):
    plain, before, model = wrapped
    for ours, theirs in zip(plain.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.first_stage is plain.first_stage
    assert model.second_stage is not plain.second_stage
    assert (model.second_stage.width, model.second_stage.depth) == (32, 2)
    codes = toy.ROWS[np.arange(200) % len(toy.ROWS)]
    shown = toy.seen(model.sample(200, seed=0, condition=codes))[:, :3]
    assert ((shown == codes).mean(0) > 0.9).all()
    images, attributes = toy.data(200, seed=9)
    edited = toy.seen(model.edit(images, {"south_west": 1}, condition=attributes))
    assert (edited[:, 2] == 1).mean() > 0.9
    assert (edited[:, [0, 1, 3]] == toy.seen(images / 255)[:, [0, 1, 3]]).mean() > 0.9


def test_a_frozen_first_stage_stays_frozen_after_loading(wrapped, tmp_path):
    _, before, model = wrapped
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.frozen_first_stage
    with pytest.raises(ValueError, match="`epochs` must be 0: .*frozen.* Received: epochs=1"):
        loaded.fit(IMAGES, ATTRIBUTES, 16, epochs=1)
    second = [w.copy() for w in loaded.second_stage.get_weights()]
    loaded.fit(IMAGES, ATTRIBUTES, 16, second_stage_epochs=1, verbose=0)
    for ours, theirs in zip(loaded.first_stage.get_weights(), before):
        np.testing.assert_array_equal(ours, theirs)
    moved = [np.abs(a - b).max() for a, b in zip(second, loaded.second_stage.get_weights())]
    assert max(moved) > 1e-4
