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
from tests.models import family

pytest.importorskip("jax")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="TensorFlow's files go to JAX and come back"
    ),
]
IMAGES, ATTRIBUTES = toy.data(50, seed=9)
Z = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
CODES = np.random.default_rng(2).normal(size=(50, 2)).astype("float32")
NOISE = np.random.default_rng(1).normal(size=(50, 4)).astype("float32")
KINDS = ("two_stage", "conditional", *family.KINDS)

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


def second_stage_outputs(model):
    outputs = {"drawn": model.generate(Z, NOISE, CODES)}
    if isinstance(model, tsvae.SecondStageAuto):  # whose parts are of this family
        outputs["choice"] = dataclasses.astuple(model.choice)
    else:
        outputs["u"] = model.encode(Z, condition=CODES)[0]
        outputs["z"] = model.decode(Z, condition=CODES)
    if isinstance(model, (tsvae.SecondStageMixture, tsvae.SecondStageFlow)):
        outputs["log_prob"] = model.log_prob(Z, condition=CODES)
    return outputs


def second_stage(kind):
    return family.with_random_weights(family.compiled(kind, condition_dim=2))


OUTPUTS = {"two_stage": two_stage_outputs, "conditional": conditional_outputs}
OUTPUTS |= dict.fromkeys(family.KINDS, second_stage_outputs)


@pytest.fixture(scope="module")
def models(fitted):
    return {"two_stage": fitted, "conditional": toy.linear(seen=toy.ROWS)} | {
        kind: second_stage(kind) for kind in family.KINDS
    }


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
