"""What is frozen stays frozen: in files, in copies, and in the optimiser's state."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.networks.test_functional_models import find, flags, trained

pytestmark = pytest.mark.slow


def saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


def state(optimizer):
    return [np.asarray(keras.ops.convert_to_numpy(v)) for v in optimizer.variables]


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "path",
    [
        "first_stage",
        "second_stage",
        "first_stage/encoder",
        "first_stage/decoder/scale_1/block_0/norm_0",
        "second_stage/decoder",
        "second_stage/encoder/hidden_1",
    ],
)
def test_configs_keep_what_is_frozen(path):
    model = tiny.two_stage(networks=tiny.residual_networks)
    frozen, unfrozen = model, tiny.two_stage(networks=tiny.residual_networks)
    for name in path.split("/"):
        frozen = getattr(frozen, name, None) or find(frozen, name)
    frozen.trainable = False
    copy = type(model).from_config(model.get_config())
    assert flags(copy) == flags(model)
    assert trained(copy) == trained(model) != trained(unfrozen)
    again = keras.models.clone_model(copy)
    assert flags(again) == flags(model) and again.get_config() == model.get_config()


def test_a_stage_can_be_trained_in_a_frozen_model():
    model = tiny.two_stage(networks=tiny.residual_networks)
    model.trainable = False
    model.second_stage.trainable = True
    copy = type(model).from_config(model.get_config())
    assert trained(copy) == []
    assert trained(copy.second_stage) == trained(model.second_stage) != []
    assert flags(copy) == flags(model)


def test_models_can_be_made_frozen():
    first = tsvae.FirstStageVAE(*tiny.dense_networks(), trainable=False)
    second = tsvae.SecondStageVAE(tiny.LATENT_DIM, width=8, depth=1, trainable=False)
    whole = tsvae.TwoStageVAE(first, second)
    assert trained(whole) == []
    made = (tsvae.FirstStageVAE(*tiny.dense_networks()), tiny.second_stage())
    assert trained(tsvae.TwoStageVAE(*made, trainable=False).first_stage) == []


def test_conditional_models_keep_what_is_frozen(tmp_path):
    two_stage = tiny.two_stage(networks=tiny.residual_networks)
    model = tsvae.ConditionalTwoStageVAE.wrap(two_stage, tsvae.conditions.Classes(3))
    model.first_stage.trainable = False
    model.recognizer.trunk.get_layer("conv_0").trainable = False
    model.recognizer.head.trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    assert flags(loaded) == flags(model)
    assert trained(loaded) == trained(model)
    assert len(trained(loaded.recognizer)) == len(trained(model.recognizer))


def test_judges_keep_what_is_frozen(tmp_path):
    judge = tsvae.metrics.ClassifierFeatures((8, 8, 1), num_outputs=2, dimensions=8)
    judge.trunk.trainable = False
    loaded = saved_and_loaded(judge, tmp_path)
    assert flags(loaded) == flags(judge) and trained(loaded) == trained(judge) != []
    assert trained(tsvae.metrics.ClassifierFeatures((8, 8, 1), 2, trainable=False)) == []


def test_the_optimisers_state_is_kept(images, tmp_path):
    first = tiny.first_stage()
    first.encoder.trainable = False
    first.compile("adam")
    before = first.encoder.get_weights()
    first.fit(images, batch_size=32, epochs=1, verbose=0)
    same(first.encoder.get_weights(), before)
    loaded = saved_and_loaded(first, tmp_path)
    assert len(loaded.trainable_variables) == len(first.trainable_variables)
    assert int(loaded.optimizer.iterations) == 3
    same(state(loaded.optimizer), state(first.optimizer))
    loaded.fit(images, batch_size=32, epochs=1, verbose=0)
    same(loaded.encoder.get_weights(), before)


def test_what_is_frozen_after_a_fit_is_left_alone_by_the_next(images, tmp_path):
    first = tiny.first_stage(keras.optimizers.Adam(1e-3))
    first.fit(images, batch_size=32, epochs=1, verbose=0)
    first.encoder.trainable = False
    kept, decoder = first.encoder.get_weights(), first.decoder.get_weights()
    moments = state(first.optimizer)
    loaded = saved_and_loaded(first, tmp_path)
    same(state(loaded.optimizer), moments)
    for model in (first, loaded):
        model.fit(images, batch_size=32, epochs=1, verbose=0)
        same(model.encoder.get_weights(), kept)
        assert not np.array_equal(model.decoder.get_weights()[0], decoder[0])
        assert int(model.optimizer.iterations) == 6
    with_same_state = saved_and_loaded(loaded, tmp_path)
    same(state(with_same_state.optimizer), state(loaded.optimizer))


def test_what_is_thawed_after_a_fit_has_to_be_compiled(images):
    first = tiny.first_stage()
    first.decoder.trainable = False
    first.fit(images, batch_size=32, epochs=1, verbose=0)
    first.decoder.trainable = True
    with pytest.raises(ValueError, match="`trainable` .* call `compile` again"):
        first.fit(images, batch_size=32, epochs=1, verbose=0)
    first.compile("sgd")
    first.fit(images, batch_size=32, epochs=1, verbose=0)


def test_a_stage_without_anything_to_train_goes_through_its_epochs(images):
    first = tiny.first_stage()
    first.trainable = False
    before = first.encoder.trainable_variables + first.get_weights()
    history = first.fit(images, batch_size=32, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    statistics = [w for w in first.weights if w.name.startswith("moving")]
    assert statistics and len(before) == len(first.get_weights())
    same(first.get_weights(), before)
