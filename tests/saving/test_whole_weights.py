"""Weights that do not fit leave a model as it was."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.metrics import ClassifierFeatures
from keras_tsvae.models.condition_recognizer import ConditionRecognizer
from tests import tiny
from tests.harness import flat


def two_stage(n, momentum=0.9):
    """Models of other widths for other `n`."""
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM))
    model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(tiny.LATENT_DIM, width=8 * n, depth=1))
    model.compile(*(keras.optimizers.SGD(1e-3, momentum=momentum) for _ in range(2)))
    model.build_optimizers()
    return model


def conditional(n):
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM))
    second = tsvae.SecondStageVAE(tiny.LATENT_DIM, width=8 * n, depth=1, condition_dim=3)
    return tsvae.ConditionalTwoStageVAE(first, second, tsvae.conditions.Attributes(size=3))


MAKERS = {
    "first stage": lambda n: tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 4 * n)),
    "both": two_stage,
    "conditional": conditional,
    "network": lambda n: tsvae.networks.MLPEncoder(4, width=8 * n, depth=1),
    "judge": lambda n: ClassifierFeatures(tiny.IMAGE_SHAPE, 2 * n),
    "recognizer": lambda n: ConditionRecognizer(tiny.IMAGE_SHAPE, "classes", 2 * n),
}


def values(model):
    return [np.copy(flat(variable)[0]) for variable in model.loaded_variables()]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_weights_that_do_not_fit_change_nothing(make, tmp_path):
    other, model = make(2), make(1)
    other.save_weights(tmp_path / "other.weights.h5")
    before = values(model)
    with pytest.raises(ValueError, match="could not be loaded"):
        model.load_weights(tmp_path / "other.weights.h5")
    wrong = [weight + 1 for weight in model.get_weights()]
    wrong[-1] = np.zeros((*wrong[-1].shape, 1))
    with pytest.raises(ValueError, match="is not compatible"):
        model.set_weights(wrong)
    for ours, theirs in zip(before, values(model)):
        np.testing.assert_array_equal(ours, theirs)
    like = make(1)
    like.save_weights(tmp_path / "like.weights.h5")
    model.load_weights(tmp_path / "like.weights.h5")
    for ours, theirs in zip(like.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_optimizers_and_the_mixture_stay_as_well(images, tmp_path):
    other, model = two_stage(2), two_stage(1)
    for each in (other, model):
        each.fit_mixture(each.posteriors(images), num_components=2, seed=0)
    variable = model.second_stage.optimizer.variables[-1]
    variable.assign(variable.value + 1)
    other.first_stage.optimizer.iterations.assign(7)
    other.save_weights(tmp_path / "other.weights.h5")
    before, mixture = values(model), model.mixture
    with pytest.raises(ValueError, match="could not be loaded"):
        model.load_weights(tmp_path / "other.weights.h5")
    assert model.mixture is mixture
    iterations = model.first_stage.optimizer.iterations
    assert int(flat(iterations)[0]) == 0
    for ours, theirs in zip(before, values(model)):
        np.testing.assert_array_equal(ours, theirs)
    assert len(before) > len(model.variables)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path, model = tmp_path / "a.weights.h5", MAKERS["first stage"](1)
    model.save_weights(path)
    before = path.read_bytes()

    def broken(self, filepath, **kwargs):
        filepath.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", broken)
    with pytest.raises(OSError, match="No space left"):
        model.save_weights(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
