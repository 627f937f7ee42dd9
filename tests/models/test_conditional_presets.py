import json

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import presets
from keras_tsvae.backend.keras_internals import shapes_alone

TINY = {"base_dim": 2, "latent_dim": 4, "second_stage_width": 8, "train_size": 96}
SMALL = {**TINY, "image_shape": (8, 8, 1), "num_scale": 2, "fc_dim": 8, "epochs": 1}


@pytest.mark.parametrize("name", presets.names(conditional=True))
def test_conditional_presets_make_their_models(name):
    preset = presets.get(name)
    assert presets.Preset(**json.loads(json.dumps(preset.to_dict()))) == preset
    with shapes_alone():
        model = tsvae.ConditionalTwoStageVAE.from_preset(name, **TINY)
    assert model.image_shape == preset.image_shape and model.conditions.kind == preset.conditions
    for stage in model.stages().values():
        assert stage.condition_dim == preset.condition_dim == model.conditions.size
    assert model.conditions.names == preset.condition_names
    assert model.second_stage.conditioning == preset.conditioning == "modulate"
    assert name not in presets.names(conditional=False)


def test_celebas_attributes_are_the_forty_of_its_list_in_their_order():
    names = presets.get("celeba_conditional").condition_names
    assert len(set(names)) == 40 and list(names) == sorted(names)
    assert [names[i] for i in (0, 15, 20, 31, 39)] == [
        "5_o_Clock_Shadow",
        "Eyeglasses",
        "Male",
        "Smiling",
        "Young",
    ]


@pytest.mark.parametrize("conditioning", ["concat", "modulate"])
@pytest.mark.parametrize("stages, expected", [("first", (10, None)), ("second", (None, 10))])
def test_stages_and_modes_can_be_chosen(conditioning, stages, expected):
    arguments = {"conditioning": conditioning, "conditioned_stages": stages}
    with shapes_alone():
        model = tsvae.ConditionalTwoStageVAE.from_preset("mnist_conditional", **arguments, **TINY)
    assert tuple(s.condition_dim for s in model.stages().values()) == expected
    modulated = any("modulation" in w.path for w in model.weights)
    assert modulated == (conditioning == "modulate")


def test_the_thesis_experiment_on_the_single_number():
    arguments = {"conditions": "number", "condition_dim": 1, "conditioning": "concat"}
    with shapes_alone():
        model = tsvae.ConditionalTwoStageVAE.from_preset("mnist", **arguments, **TINY)
    assert isinstance(model.conditions, tsvae.conditions.Number)
    assert model.second_stage.encoder.get_layer("hidden_0").kernel.shape[0] == 4 + 1


def test_a_preset_travels(tmp_path):
    names = tuple("abcdefghij")
    make = tsvae.ConditionalTwoStageVAE.from_preset
    model = make("mnist_conditional", condition_names=names, **SMALL)
    model.compile()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.preset == model.preset and loaded.conditions.names == names
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_preset_finds_its_class():
    for name in presets.names(conditional=True)[:2]:
        assert type(tsvae.TwoStageVAE.from_preset(name, **TINY)) is tsvae.ConditionalTwoStageVAE
    message = "preset of a ConditionalTwoStageVAE: .*mnist_conditional.*name='mnist'.* a TwoStage"
    with pytest.raises(ValueError, match=message):
        tsvae.ConditionalTwoStageVAE.from_preset("mnist")


def test_a_subclass_is_not_left_for_another_class():
    class Mine(tsvae.TwoStageVAE):
        pass

    assert type(Mine.from_preset("digits", **TINY)) is Mine
    with pytest.raises(ValueError, match="of a Mine.*makes a ConditionalTwoStageVAE"):
        Mine.from_preset("mnist_conditional", **TINY)


def test_names_say_how_wide_a_condition_is():
    preset = presets.get("digits", conditions="attributes", condition_names=["round", "tall"])
    assert preset.condition_dim == 2
    with pytest.raises(ValueError, match="`condition_dim` or `condition_names` must be given"):
        presets.get("digits", conditions="attributes")


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"conditions": "words"}, "`conditions` must be one of .*Received: conditions='words'"),
        ({"conditioning": "film"}, "`conditioning` must be one of"),
        ({"conditioned_stages": "third"}, "`conditioned_stages` must be one of"),
        ({"condition_names": ("a", "b")}, "`names` must be 10 different strings"),
        ({"condition_dim": 0}, "must be a positive integer"),
    ],
)
def test_bad_overrides_are_named(overrides, message):
    with pytest.raises(ValueError, match=message):
        tsvae.ConditionalTwoStageVAE.from_preset("mnist_conditional", **overrides, **TINY)
