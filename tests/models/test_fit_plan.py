"""What a fit is to do is checked, and decided, before its first step."""

import warnings

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import inputs
from keras_tsvae.models.two_stage_plan import plan_fit
from tests import tiny
from tests.harness import flat
from tests.reused import reused

IMAGES = tiny.images(96)
LABELS = np.arange(96) % 3


def steps(model):
    return [int(flat(stage.optimizer.iterations)[0]) for stage in model.stages().values()]


def conditional(**kwargs):
    first = tsvae.FirstStageVAE(*tiny.dense_networks())
    second = tsvae.SecondStageVAE(tiny.LATENT_DIM, width=16, depth=2, condition_dim=3)
    model = tsvae.ConditionalTwoStageVAE(first, second, tsvae.conditions.Classes(3), **kwargs)
    model.compile("sgd", keras.optimizers.SGD())
    return model


POSTERIORS = tsvae.latents.Posteriors(np.zeros((96, 4), "float32"), np.ones((96, 4), "float32"))

# The four fits, each with its data.
FITS = {
    "first": (tiny.first_stage, (IMAGES,)),
    "second": (tiny.second_stage, (POSTERIORS,)),
    "both": (tiny.two_stage, (IMAGES,)),
    "conditional": (conditional, (IMAGES, LABELS)),
}


@pytest.fixture(scope="module")
def four():
    return {kind: (make(), data) for kind, (make, data) in FITS.items()}


def untouched(model):
    stages = model.stages().values() if hasattr(model, "stages") else (model,)
    return all(int(flat(stage.optimizer.iterations)[0]) == 0 for stage in stages)


@pytest.mark.parametrize("kind", ["first", "second", "both", "conditional"])
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"validation_split": 0.1}, "`validation_split` must not be given.*`validation_data`"),
        ({"class_weight": {0: 2.0}}, "`class_weight` must not be given.*type.class_weight.=dict"),
        ({"sample_weight": np.ones(96)}, "`sample_weight` must not be given.*ndarray"),
        ({"validation_freq": 0}, "`validation_freq` must be a positive integer"),
        ({"validation_freq": "often"}, "`validation_freq` must be a positive integer"),
        ({"shuffle": "batch"}, "`shuffle` must be True or False. Received: shuffle='batch'"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be a positive integer"),
        ({"validation_steps": 1.5}, "`validation_steps` must be a positive integer"),
        ({"validation_batch_size": -1}, "`validation_batch_size` must be a positive integer"),
        ({"epochs": 2, "initial_epoch": 3}, "`initial_epoch` must not exceed `epochs`"),
        ({"epochs": -1}, "`epochs` must be an integer of at least 0"),
        ({"batch_size": 97}, "`batch_size` must not exceed the number of examples"),
        ({"callbacks": ["History"]}, "`callbacks` must hold instances of keras.callbacks.Callb"),
    ],
)
def test_bad_arguments_are_named_by_all_fits(kind, arguments, message, four):
    model, data = four[kind]
    with pytest.raises(ValueError, match=message):
        model.fit(*data, **{"batch_size": 16, "verbose": 0, **arguments})
    assert untouched(model) and getattr(model, "joint", None) is None


@pytest.mark.parametrize("kind", ["first", "second", "both", "conditional"])
def test_unknown_arguments_are_a_type_error(kind, four):
    model, data = four[kind]
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'epohs'"):
        model.fit(*data, epohs=3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"second_stage_batch_size": 97}, "`second_stage_batch_size` must not exceed.* 96 exam"),
        ({"second_stage_epochs": 1, "second_stage_initial_epoch": 2}, "`second_stage_initial_ep"),
        ({"second_stage_callbacks": [1]}, "`callbacks` must hold instances"),
        ({"posteriors_path": "/dev/null/posteriors.h5"}, "`posteriors_path` must be in a folder"),
    ],
)
@pytest.mark.parametrize("kind", ["both", "conditional"])
def test_what_the_second_stage_needs_is_checked_first(kind, arguments, message, four):
    model, data = four[kind]
    with pytest.raises(ValueError, match=message):
        model.fit(*data, **{"batch_size": 16, "verbose": 0, **arguments})
    assert untouched(model) and getattr(model, "joint", None) is None


@pytest.mark.slow
@pytest.mark.parametrize("make", [tiny.two_stage, conditional])
def test_a_stage_that_is_not_compiled_is_found_at_once(make):
    model = reused(make)
    model.second_stage.compiled = False
    labels = (LABELS,) if model.takes_conditions else ()
    quick = {"recognizer_epochs": 0} if labels else {}
    with pytest.raises(ValueError, match="must be compiled.*SecondStageVAE"):
        model.fit(IMAGES, *labels, batch_size=16, verbose=0)
    assert int(flat(model.first_stage.optimizer.iterations)[0]) == 0
    model.fit(IMAGES, *labels, batch_size=48, second_stage_epochs=0, verbose=0, **quick)


def test_validation_data_is_checked_for_both_stages():
    model = reused(tiny.two_stage)
    with pytest.raises(ValueError, match=r"`validation_data` must hold images of shape \(8, 8, 1"):
        model.fit(
            IMAGES, batch_size=16, epochs=0, second_stage_epochs=1, validation_data=IMAGES[:, 1:]
        )
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        endless = tf.data.Dataset.from_tensors(IMAGES[:16]).repeat()
        with pytest.raises(ValueError, match="`validation_data` must be finite"):
            model.fit(IMAGES, batch_size=16, validation_data=endless, validation_steps=2)
    assert untouched(model)


def test_what_asks_for_nothing_is_no_error():
    nothing = {"validation_split": 0.0, "class_weight": None, "sample_weight": None}
    reused(tiny.first_stage).fit(IMAGES, batch_size=48, verbose=0, **nothing)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, form",
    [("first", list), ("second", tuple), ("second", list), ("both", tuple), ("conditional", list)],
)
def test_options_of_all_fits(kind, form):
    make, data = FITS[kind]
    model = reused(make)
    pair = form((IMAGES[:40], LABELS[:40]))
    if kind == "second":
        pair = form(data[0].arrays)
    options = {} if kind in ("first", "second") else {"second_stage_epochs": 3}
    if kind == "conditional":
        options["recognizer_epochs"] = 1
    history = model.fit(
        *data,
        batch_size=16,
        epochs=3,
        validation_data=pair,
        validation_freq=[1, 3],
        validation_batch_size=8,
        validation_steps=2,
        steps_per_epoch=2,
        shuffle=False,
        verbose=0,
        **options,
    ).history
    names = {"first": [""], "second": [""]}.get(kind, ["stage1_", "stage2_"])
    for name in names:
        assert len(history[f"{name}loss"]) == 3 and len(history[f"{name}val_loss"]) == 2
    made = [3 * 2, 3 * 6] if len(names) == 2 else [3 * 2]
    stages = model.stages().values() if len(names) == 2 else [model]
    assert [int(flat(stage.optimizer.iterations)[0]) for stage in stages] == made


def test_both_stages_are_measured_over_some_batches(monkeypatch):
    model = reused(tiny.two_stage)
    images = np.concatenate([IMAGES[:32], np.full((64, *tiny.IMAGE_SHAPE), 255, "uint8")])
    first, every = model.evaluate(images[:32]), model.evaluate(images)
    assert every["stage1_mse"] > 1.2 * first["stage1_mse"]
    measured, measure = [], tsvae.SecondStageVAE.evaluate

    def evaluate(stage, posteriors, **options):
        measured.append(len(posteriors))
        return measure(stage, posteriors, **options)

    monkeypatch.setattr(tsvae.SecondStageVAE, "evaluate", evaluate)
    some = [model.evaluate(images, batch_size=16, steps=2)]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        endless = tf.data.Dataset.from_tensor_slices(images).batch(16).repeat()
        some.append(model.evaluate(endless, steps=2))
    for results in some:
        assert results.keys() == first.keys()
        assert results["stage1_mse"] == pytest.approx(first["stage1_mse"], rel=0.05)
    assert set(measured) == {32}
    with pytest.raises(ValueError, match="`steps` must be a positive integer"):
        model.evaluate(images, steps=0)


def planned(model, **arguments):
    """Returns epochs and batch sizes of both stages, as a fit would have them."""
    plan = plan_fit(model, inputs.as_images(IMAGES), **arguments)
    return (plan.first.epochs, plan.second.epochs), (plan.first.batch_size, plan.second.batch_size)


def test_epochs_and_batch_sizes_are_those_of_the_preset():
    changes = {"epochs": 7, "second_stage_epochs": 9, "batch_size": 24, "train_size": 96}
    make = tsvae.TwoStageVAE.from_preset
    model = make("digits", second_stage_batch_size=48, **changes)
    model.compile()
    assert planned(model) == ((7, 9), (24, 48))
    assert planned(model, epochs=2) == ((2, 4), (24, 48))
    assert planned(model, second_stage_epochs=5) == ((7, 5), (24, 48))
    assert planned(model, batch_size=16) == ((7, 9), (16, 48))
    assert planned(model, second_stage_batch_size=32) == ((7, 9), (24, 32))
    one_size = make("digits", **changes)
    one_size.compile()
    assert planned(one_size) == ((7, 9), (24, 24))
    assert planned(one_size, batch_size=16) == ((7, 9), (16, 16))
    assert planned(reused(tiny.two_stage)) == ((1, 2), (64, 64))
    frozen = conditional(frozen_first_stage=True)
    assert planned(frozen) == ((0, 2), (64, 64))


def warned(fit, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(*args, verbose=0, **kwargs)
    return [str(w.message) for w in caught if "schedule" in str(w.message)]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["cosine", "halved"])
def test_a_schedule_that_is_not_as_long_as_the_fit_is_warned_of(schedule):
    changes = {"epochs": 2, "second_stage_epochs": 3, "batch_size": 16, "train_size": 96}
    changes |= {"halve_every": 1, "second_stage_halve_every": 1, "schedule": schedule}
    changes |= {"base_dim": 2, "second_stage_width": 8, "optimizer": "sgd", "learning_rate": 1e-4}
    changes |= {"network": "infogan", "num_scale": None, "fc_dim": 8}
    model = tsvae.TwoStageVAE.from_preset("digits", **changes)
    model.compile()
    assert warned(model.fit, IMAGES, epochs=1, second_stage_epochs=3) == [
        "The learning rate schedule of stage 1 is made for 12 steps, but this fit ends after 6: "
        "give `from_preset` the `epochs`, `second_stage_epochs`, `batch_size` and `train_size` of "
        "the fit, or the fit those of the preset."
    ]
    assert warned(model.fit, IMAGES, initial_epoch=1, second_stage_epochs=0) == []  # to its end
    late = warned(model.fit, IMAGES, epochs=0, second_stage_epochs=1)
    assert len(late) == 1 and "stage 2 is made for 18 steps, but this fit ends after 24" in late[0]
    model.compile(keras.optimizers.SGD(), keras.optimizers.SGD())
    images = inputs.as_images(IMAGES)
    plan = plan_fit(model, images, epochs=1, second_stage_epochs=1)
    assert warned(lambda verbose: plan.check(images, None)) == []


def test_a_stage_fitted_by_hand_warns_too():
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 10, warmup_steps=2)
    stage = tiny.first_stage(keras.optimizers.SGD(schedule))
    messages = warned(stage.fit, IMAGES, batch_size=16)
    assert len(messages) == 1 and "made for 12 steps, but this fit ends after 6" in messages[0]
    assert warned(stage.fit, IMAGES, batch_size=16) == []  # 12 in all


def test_averaged_weights_need_an_optimizer_that_averages_in_each_stage():
    model, swap = reused(tiny.two_stage), keras.callbacks.SwapEMAWeights()
    model.compile(keras.optimizers.SGD(1e-3, use_ema=True), keras.optimizers.SGD(1e-3))
    with pytest.raises(ValueError, match="of stage 2 must not hold a `SwapEMAWeights`.*use_ema"):
        model.fit(IMAGES, batch_size=48, callbacks=[swap], verbose=0)
    assert untouched(model)


def test_posteriors_need_a_folder_that_can_be_made(tmp_path):
    (tmp_path / "file").touch()
    model = reused(tiny.two_stage)
    with pytest.raises(ValueError, match="`posteriors_path` must be in a folder that can be"):
        model.fit(
            IMAGES, batch_size=48, posteriors_path=tmp_path / "file" / "deep" / "z.h5", verbose=0
        )
    assert untouched(model)


def test_validation_posteriors_are_named():
    wrong = np.zeros((9, 5), "float32"), np.ones((9, 5), "float32")
    right = np.zeros((64, 4), "float32"), np.ones((64, 4), "float32")
    with pytest.raises(ValueError, match="`validation_data` must hold posteriors of width 4"):
        reused(tiny.second_stage).fit(*right, validation_data=wrong, verbose=0)


def test_weights_of_an_evaluation_are_refused():
    with pytest.raises(ValueError, match="`sample_weight` must not be given"):
        reused(tiny.two_stage).evaluate(IMAGES, sample_weight=np.ones(len(IMAGES)))
