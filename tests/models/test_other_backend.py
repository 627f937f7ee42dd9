"""What one backend saves the other loads, trains on and saves: there and back."""

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests.conditions import toy
from tests.harness import flat

pytest.importorskip("jax")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="TensorFlow's files go to JAX and come back"
    ),
]
IMAGES, ATTRIBUTES = toy.data(50, seed=9)
Z = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
NOISE = np.random.default_rng(1).normal(size=(50, 4)).astype("float32")
KINDS = ("two_stage", "conditional", "flow", "auto")

# Loads models, writes what it makes of images and z, trains one on, saves and measures again.
SCRIPT = """
import sys, keras, numpy as np
from tests.models import test_other_backend as here
for kind in here.KINDS:
    model = keras.saving.load_model(f"{sys.argv[1]}/{kind}.keras")
    np.savez(f"{sys.argv[1]}/{kind}.npz", **here.OUTPUTS[kind](model))
    if kind == "two_stage":
        model.fit(here.IMAGES, batch_size=16, verbose=0)
    model.save(f"{sys.argv[1]}/{kind}_trained.keras")
    np.savez(f"{sys.argv[1]}/{kind}_trained.npz", **here.OUTPUTS[kind](model))
"""


def two_stage_outputs(model):
    outputs = {"decoded": model.decode(Z), "z_hat": model.second_stage.decode(Z)}
    outputs["mean"], outputs["std"] = model.encode(IMAGES)
    for stage, data in (("first_stage", IMAGES), ("second_stage", Z)):
        terms = getattr(model, stage).loss_terms(data, noise=NOISE)
        outputs.update({f"{stage}_{key}": flat(value)[0] for key, value in terms.items()})
    return outputs | {"iterations": flat(model.first_stage.optimizer.iterations)[0]}


def conditional_outputs(model):
    return {
        "decoded": model.decode(model.second_stage.decode(Z, condition=ATTRIBUTES)),
        "inferred": model.infer_condition(IMAGES),
        "drawn": model.draw_conditions(50, seed=1, condition={"north_west": -1}),
    }


def flow_outputs(model):
    return {"u": model.encode(Z)[0], "z": model.decode(Z), "log_prob": model.log_prob(Z)}


def flow():
    """A flow from a Gaussian on, after some large steps."""
    stage = tsvae.SecondStageFlow(4, num_components=1, width=8, depth=2)
    stage.compile(keras.optimizers.Adam(0.03))
    stage.fit((np.sin(2 * Z), np.full_like(Z, 0.1)), batch_size=25, epochs=10, verbose=0)
    return stage


def auto_outputs(model):
    return {**flow_outputs(model), "choice": dataclasses.astuple(model.choice)}


def auto():
    """A choice of the mixture."""
    stage = tsvae.SecondStageAuto(4, num_components=2, width=8, depth=1)
    stage.compile(keras.optimizers.Adam(0.03))
    data = (np.sin(2 * Z), np.full_like(Z, 0.1))
    stage.fit(data, batch_size=25, validation_data=data, verbose=0)
    assert stage.choice.num_held_out == 50
    return stage


OUTPUTS = {
    "two_stage": two_stage_outputs,
    "conditional": conditional_outputs,
    "flow": flow_outputs,
    "auto": auto_outputs,
}


@pytest.fixture(scope="module")
def models(fitted):
    conditional = toy.linear(seen=toy.ROWS)
    return {"two_stage": fitted, "conditional": conditional, "flow": flow(), "auto": auto()}


@pytest.fixture(scope="module")
def folder(models, tmp_path_factory):
    """Where the models are, and what JAX made of them."""
    folder = tmp_path_factory.mktemp("other_backend")
    for kind, model in models.items():
        model.save(folder / f"{kind}.keras")
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_both_backends_load_each_others_files_and_agree(kind, models, folder):
    trained = keras.saving.load_model(folder / f"{kind}_trained.keras")
    for model, name in ((models[kind], kind), (trained, f"{kind}_trained")):
        theirs, ours = np.load(folder / f"{name}.npz"), OUTPUTS[kind](model)
        assert sorted(ours) == sorted(theirs.files)
        for key, value in ours.items():
            close = {"rtol": 1e-5, "atol": 1e-5 if kind == "two_stage" else 1e-4}
            np.testing.assert_allclose(theirs[key], value, err_msg=key, **close)
    if kind == "two_stage":
        for before, after in zip(models[kind].stages().values(), trained.stages().values()):
            made = [int(flat(stage.optimizer.iterations)[0]) for stage in (before, after)]
            assert made[0] < made[1]
