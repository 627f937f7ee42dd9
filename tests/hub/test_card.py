"""Model cards: what they say, in words that nothing breaks."""

import pathlib
import re
import types

import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.conditions import JointConditions
from keras_tsvae.hub.card import Told, model_card
from keras_tsvae.hub.figures import figures_of
from keras_tsvae.hub.pictures import write_pictures
from keras_tsvae.plots.asking import examples
from tests.hub.test_push import report

hub = pytest.importorskip("huggingface_hub")

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
HISTORY = {"stage1_loss": [3.0, 2.0, 1.0], "stage2_loss": [1.0, 0.5]}


def told(evaluation=None, dataset="squares", license=None, history=HISTORY, **settings):
    rows, caption = figures_of(evaluation)
    return Told("hf://user/squares@v2", rows, caption, dataset, license, history, settings)


@pytest.fixture(scope="module")
def conditional():
    """Models of classes and of attributes."""
    places = {"classes": "0.1.0-8ef14e7", "attributes": "0.1.0-f8e0e77"}
    files = {kind: GOLDEN / place / "conditional.keras" for kind, place in places.items()}
    return {kind: tsvae.load_model(file, compile=False) for kind, file in files.items()}


def test_what_a_card_says(fitted):
    card = hub.ModelCard(model_card(fitted, told(report()), ["samples.png", "curves.png"]))
    assert card.data.library_name == "keras" and card.data.license is None
    assert card.data.pipeline_tag == "unconditional-image-generation"
    assert card.data.model_name == "squares"
    text = card.text
    assert "![64 samples of both stages](assets/samples.png)" in text
    assert "(assets/curves.png)" in text and "conditions.png" not in text
    assert "8 x 8 of 1 channel. It was trained on squares." in text
    assert "| stage 2 | 9.25 | 0.0925 |" in text and "standard protocol" in text
    assert "- stage1 epochs trained: 3" in text and "- stage2 loss at last: 0.5" in text
    assert "- encoder: ResNetEncoder" in text and "FusedAdam" not in text
    assert "stage1 optimizer: Adam, learning rate 0.001 at last" in text


def test_its_five_lines_run(fitted, tmp_path, monkeypatch):
    fitted.save_to_preset(tmp_path / "model")
    text = model_card(fitted, told(), [])
    code = re.search(r"```python\n(.+?)\n```", text, re.S)[1]
    lines = code.replace("hf://user/squares@v2", str(tmp_path / "model"))
    assert "hf://user/squares@v2" in code and len(code.splitlines()) == 5
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(lines, namespace)
    assert namespace["images"].shape == (64, 8, 8, 1)
    assert (tmp_path / "sample.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "attributes"])
def test_conditions(kind, conditional, tmp_path):
    model = conditional[kind]
    pictures = write_pictures(model, tmp_path, HISTORY)
    assert pictures == ["samples.png", "conditions.png", "curves.png"]
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in pictures)
    text = model_card(model, told(), pictures)
    assert "conditional" in hub.ModelCard(text).data.tags
    assert "(assets/conditions.png)" in text and f"3 {kind}" in text
    code = re.search(r"```python\n(.+?)\n```", text, re.S)[1]
    asked = re.search(r"images = model.sample\(64, seed=0, condition=(.+?)\)  #", code)[1]
    assert asked == {"classes": "0", "attributes": "{'a': 1}"}[kind]
    assert model.sample(2, seed=0, condition=eval(asked)).shape[0] == 2


@pytest.mark.backend_free
def test_what_is_asked_for_occurs_in_training():
    def asked(conditions, rows):
        joint = JointConditions(np.array(rows, "float32"), np.ones(len(rows)))
        return examples(types.SimpleNamespace(conditions=conditions, joint=joint))

    kinds = tsvae.conditions
    rows = [[-1, 1, 1], [-1, 1, -1]]
    assert asked(kinds.Attributes(["a", "b", "c"]), rows) == {"b": {"b": 1}, "c": {"c": 1}}
    assert asked(kinds.Attributes(size=3), rows) == {}  # none of which can be named
    one_hot = [[0, 1, 0], [0, 0, 1]]
    assert asked(kinds.Classes(3), one_hot) == {"1": 1, "2": 2}
    assert asked(kinds.Classes(names=["x", "y", "z"]), one_hot) == {"y": "y", "z": "z"}
    assert asked(kinds.Number(), [[0.0], [0.5], [1.0]]) == {"0.05": 0.05, "0.5": 0.5, "0.95": 0.95}
    assert asked(kinds.Vector(size=2), [[0, 1]]) == {}
    assert examples(types.SimpleNamespace(conditions=kinds.Classes(3), joint=None)) == {}


def test_experiments_say_their_settings():
    model = tsvae.TwoStageVAE.from_preset("digits", base_dim=4, fc_dim=16, second_stage_width=16)
    text = model_card(model, told(dataset=None, history={}, seed=3), [])
    for line in ("preset: digits", "base_dim: 4", "batch_size: 64", "seed: 3", "epochs: "):
        assert f"- {line.replace('_', chr(92) + '_')}" in text
    assert "trained on" not in text


@pytest.mark.backend_free
def test_every_form_of_figures():
    rows, caption = figures_of(report())
    assert rows["stage2"]["fid"] == 9.25 and rows["stage2"]["num_samples"] == 500
    assert figures_of(report().to_dict()) == (rows, "")
    listed = [{"name": name, **row} for name, row in report().to_dict().items()]
    as_file = {"rows": listed, "caption": caption, "obedience": None, "protocol": "standard"}
    assert figures_of(as_file) == (rows, caption)
    assert figures_of(None) == ({}, "") and figures_of({"a": {"fid": float("nan")}}) == ({}, "")
    for wrong in ("fid.json", [1], {"fid": 3.0}, {"rows": [{"fid": 3.0}]}, 3):
        with pytest.raises(ValueError, match="`evaluation` must be what `evaluate_generation`"):
            figures_of(wrong)


def test_names_break_nothing(fitted):
    evil = 'a"b: [x]\n---\n# <script>alert(1)</script> | ![x](http://x)'
    rows = {evil: {"fid": 3.0}}
    known = Told(
        "hf://user/squares", rows, evil, evil, "mit", {}, {evil: evil, "nested": {"a": [evil]}}
    )
    text = model_card(fitted, known, [])
    card = hub.ModelCard(text)
    assert card.data.license == "mit" and card.data.datasets is None
    (result,) = card.data.eval_results
    assert result.metric_value == 3.0 and result.dataset_name == evil
    body = card.text
    assert "<script>" not in body.replace("\\<script\\>", "") and "\n# <" not in body
    assert "![x](" not in body and "\n---\n" not in body.partition("| --- |")[0]
