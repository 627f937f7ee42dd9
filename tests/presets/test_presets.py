import json

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import presets
from keras_tsvae.backend.keras_internals import shapes_alone
from tests import tiny

TINY = {"base_dim": 2, "latent_dim": 4, "second_stage_width": 8, "train_size": 96}
REQUIRED = """digits mnist fashion_mnist cifar10 celeba mnist_infogan fashion_mnist_infogan
cifar10_infogan celeba_infogan celeba_wae mnist_computed_gamma cifar10_computed_gamma
celeba_computed_gamma digits_fast mnist_fast fashion_mnist_fast cifar10_fast celeba_fast""".split()


def test_every_experiment_is_there():
    assert set(REQUIRED) <= set(presets.names())
    assert len(set(presets.names())) == len(presets.names())


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_data_and_makes_its_model(name):
    preset = presets.get(name)
    assert presets.Preset(**json.loads(json.dumps(preset.to_dict()))) == preset
    assert all(str(v) in presets.describe(name) for v in (preset.source, preset.epochs))
    conditional = preset.conditions is not None
    assert conditional == (name in presets.names(conditional=True))
    cls = tsvae.ConditionalTwoStageVAE if conditional else tsvae.TwoStageVAE
    gammas = {"gamma": "optimal", "second_stage_gamma": 0.5}
    with shapes_alone():
        model = cls.from_preset(name, **TINY)
        first, second = cls.from_preset(name, **TINY, **gammas).stages().values()
    assert model.condition_dim == preset.condition_dim
    assert model.image_shape == preset.image_shape
    assert type(model.first_stage.encoder).__name__.lower() == preset.network + "encoder"
    assert model.first_stage.gamma_mode == preset.gamma and first.gamma_mode == "optimal"
    assert model.latent_dim == model.second_stage.latent_dim == 4
    if preset.second_stage == "vae":
        assert (model.second_stage.gamma_mode, second.gamma_mode) == (preset.gamma, 0.5)
        assert model.second_stage.width == 8
    else:
        assert type(second).__name__.lower() == "secondstage" + preset.second_stage
    assert preset.dataset in tsvae.data.names()


def test_the_settings_are_the_published_ones():
    def settings(name):
        p = presets.get(name)
        return p.batch_size, p.learning_rate, p.epochs, p.second_stage_epochs, p.latent_dim

    assert settings("mnist") == (64, 1e-4, 400, 800, 64)
    assert settings("cifar10") == (64, 1e-4, 1000, 2000, 64)
    assert settings("celeba") == (64, 1e-4, 120, 300, 128)
    assert settings("celeba_wae") == (64, 1e-4, 70, 70, 64)
    assert presets.get("celeba").num_scale == 4 and presets.get("celeba").base_dim == 32
    with shapes_alone():
        encoder = tsvae.TwoStageVAE.from_preset("cifar10").first_stage.encoder
    assert (encoder.base_dim, encoder.num_scale, encoder.fc_dim) == (16, 3, 512)


def test_halved_rates_follow_the_epochs():
    first, second = presets.optimizers(presets.get("mnist"))
    steps = 60_000 // 64
    for optimizer, every in ((first, 150), (second, 300)):
        schedule = optimizer.get_config()["learning_rate"]
        schedule = keras.optimizers.schedules.deserialize(schedule)
        for epoch, rate in ((0, 1e-4), (every - 1, 1e-4), (every, 5e-5), (2 * every, 2.5e-5)):
            np.testing.assert_allclose(float(schedule(epoch * steps)), rate, rtol=1e-5)


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ({}, (1e-4, 1e-4)),
        ({"second_stage": "flow"}, (1e-4, 1e-3)),
        ({"second_stage": "flow", "learning_rate": 2e-3}, (2e-3, 2e-3)),
        ({"second_stage": "flow", "second_stage_learning_rate": 5e-4}, (1e-4, 5e-4)),
    ],
)
def test_the_second_stages_learning_rate(overrides, expected):
    preset = tsvae.presets.get("cifar10", **overrides)
    assert tsvae.presets.preset.learning_rates(preset) == expected


def test_compile_takes_the_presets_optimisers_unless_others_are_given(tmp_path):
    model = tsvae.TwoStageVAE.from_preset("digits", epochs=3, **TINY)
    model.compile()
    rates = []
    for step in (0, 3, 10**6):  # cosine over 3 epochs of 96 // 64 = 1 step
        schedule = model.first_stage.optimizer.get_config()["learning_rate"]
        rates.append(float(keras.optimizers.schedules.deserialize(schedule)(step)))
    np.testing.assert_allclose(rates, [3e-3, 0, 0], atol=1e-9)
    assert isinstance(model.first_stage.optimizer, keras.optimizers.Adam)
    model.compile(optimizer="sgd")
    assert isinstance(model.first_stage.optimizer, keras.optimizers.SGD)
    assert isinstance(model.second_stage.optimizer, keras.optimizers.Adam)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.preset == model.preset and loaded.preset.epochs == 3
    loaded.compile()
    schedule = loaded.first_stage.optimizer.get_config()["learning_rate"]
    assert schedule["class_name"] == "CosineDecay"


def test_a_preset_trains_and_goes_on(tmp_path):
    model = tsvae.TwoStageVAE.from_preset("digits", batch_size=32, fc_dim=8, **TINY)
    model.compile("sgd", "sgd")
    images = tiny.images(96)
    history = model.fit(images, batch_size=32, epochs=1, second_stage_epochs=1, verbose=0)
    assert len(history.history["stage1_loss"]) == len(history.history["stage2_loss"]) == 1
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    history = model.fit(
        images,
        batch_size=32,
        epochs=3,
        initial_epoch=1,
        second_stage_epochs=4,
        second_stage_initial_epoch=2,
        callbacks=callback,
        verbose=0,
    )
    assert seen == [1, 2, 2, 3]
    before = model.first_stage.decode(np.ones((1, 4), "float32"))
    arguments = {"epochs": 3, "initial_epoch": 3, "second_stage_epochs": 5}
    model.fit(images, **arguments, second_stage_initial_epoch=4, verbose=0)
    np.testing.assert_array_equal(before, model.first_stage.decode(np.ones((1, 4), "float32")))
    assert sorted(model.history.history)[0] == "stage2_gamma"


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"width": 3}, r"`overrides` must be fields of a preset.*Received: \['width'\]"),
        ({"latent_dim": 0}, "`latent_dim` must be a positive integer"),
        ({"network": "vgg"}, "`network` must be one of"),
        ({"schedule": "linear"}, "`schedule` must be one of"),
        ({"schedule": "halved"}, "`halve_every` must be a positive integer"),
        ({"gamma": -1}, "`gamma` must be"),
        ({"learning_rate": 0}, "`learning_rate` must be a positive number"),
        ({"learning_rate": float("inf")}, "`learning_rate` must be a positive number"),
        ({"learning_rate": True}, "`learning_rate` must be a positive number"),
        ({"second_stage_learning_rate": 0}, "`second_stage_learning_rate` must be a positive"),
        ({"epochs": -1}, "`epochs` must be an integer of at least 0"),
        ({"image_shape": 8}, "`image_shape` must be three"),
        ({"network": "wae", "num_scale": None, "fc_dim": 7}, r"the wae network takes.*'fc_dim'"),
    ],
)
def test_bad_overrides_are_named(overrides, message):
    with pytest.raises(ValueError, match=message):
        tsvae.TwoStageVAE.from_preset("cifar10", **overrides)


def test_an_unknown_preset_is_named():
    for call in (presets.get, presets.describe, tsvae.TwoStageVAE.from_preset):
        with pytest.raises(ValueError, match="`name` must be one of .*'digits'.* Received: name="):
            call("imagenet")
