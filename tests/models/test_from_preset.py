"""What `from_preset` takes, beside the names of experiments."""

import pathlib

import pytest

import keras_tsvae as tsvae
from keras_tsvae import presets


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["imagenet", "gs://bucket/model", "no/such/folder", None, 3])
def test_errors_list_every_form(name):
    forms = ["path of a `.keras` file or of a model's folder", "'hf://user/model'"]
    forms += ["'hf://user/model@revision'", "'kaggle://user/model/keras/variation'"]
    for cls in (tsvae.TwoStageVAE, tsvae.ConditionalTwoStageVAE, tsvae.FirstStageVAE):
        with pytest.raises(ValueError, match="`name` must be ") as caught:
            cls.from_preset(name)
        assert all(form in str(caught.value) for form in forms)
        assert str(caught.value).endswith(f"Received: name={name!r}")
        assert cls is tsvae.FirstStageVAE or str(presets.names()) in str(caught.value)


def test_what_is_in_a_folder_is_not_overridden(fitted, tmp_path):
    fitted.save_to_preset(tmp_path / "model")
    with pytest.raises(ValueError, match="`overrides` are for presets of exper.*'latent_dim'"):
        tsvae.TwoStageVAE.from_preset(tmp_path / "model", latent_dim=3)


def test_a_folder_called_as_an_experiment(fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted.save_to_preset("digits")
    with pytest.warns(UserWarning, match="'digits' is taken for the experiment.*is './digits'"):
        model = tsvae.TwoStageVAE.from_preset("digits", base_dim=2, fc_dim=4, second_stage_width=4)
    assert model.preset.name == "digits"
    for path in ("./digits", "digits/", pathlib.Path("digits")):
        assert tsvae.TwoStageVAE.from_preset(path).preset is None
