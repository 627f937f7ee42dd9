"""What the whole family of second stages can do: each kind goes wherever the paper's goes."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.backend.keras_internals import shapes_alone
from tests import tiny
from tests.harness import flat
from tests.models import data_parallel, family
from tests.models.family import compiled, member, posteriors

pytestmark = pytest.mark.slow

LABELS = np.arange(256) % 2
IMAGES = tiny.images(256)
IMAGES[LABELS == 1] = 255 - IMAGES[LABELS == 1]
CODES = np.eye(2, dtype="float32")
BATCH = 64
QUICK = {"batch_size": BATCH, "verbose": 0}


class Kept(keras.callbacks.Callback):
    """Draws from the whole model at the end of every epoch, as users' own callbacks do."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_epoch_end(self, epoch, logs=None):
        self.drawn.append(self.model.sample(2, seed=0))


@pytest.fixture(scope="module", params=family.KINDS)
def whole(request):
    """A model that `wrap` has made, with its kind and the callbacks that saw its training."""
    keras.utils.set_random_seed(1)
    encoder, _ = tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM)
    first = tsvae.FirstStageVAE(encoder, tiny.dense_networks()[1])
    base = tsvae.TwoStageVAE(first, member(request.param))
    base.build((None, *tiny.IMAGE_SHAPE))
    first.encoder.layers[-1].bias.assign([-2.0] * tiny.LATENT_DIM)  # little noise
    model = tsvae.ConditionalTwoStageVAE.wrap(base, tsvae.conditions.Classes(2))
    assert type(model.second_stage) is type(base.second_stage)
    model.compile(second_stage_optimizer=keras.optimizers.Adam(0.02))
    callbacks = [
        tsvae.callbacks.LatentReport(tiny.images(16, seed=1), every=20),
        tsvae.callbacks.FIDLogger(
            IMAGES, data_parallel.features, num_samples=32, every=20, verbose=0
        ),
        Kept(),
    ]
    history = model.fit(
        IMAGES, LABELS, recognizer_epochs=1, second_stage_epochs=20, callbacks=callbacks, **QUICK
    )
    return tiny.shared(model), request.param, history.history, callbacks


def draws(model):
    return model.sample(3, seed=1, condition=[0, 1, 1])


def test_wrap_keeps_the_settings(whole):
    model, kind, *_ = whole
    made, told = member(kind).get_config(), model.second_stage.get_config()
    differing = {"name", "condition_dim", "conditioning"}
    assert {k: v for k, v in told.items() if k not in differing} == {
        k: v for k, v in made.items() if k not in differing
    }
    assert model.second_stage.condition_dim == 2


def test_callbacks_watch_its_training(whole):
    model, kind, history, (report, _, kept) = whole
    shown = {"stage2_loss", "stage2_u_mmd", "stage2_u_gaussian_kl", "stage2_val_fid_stage2"}
    assert shown <= set(history)
    assert ("stage2_log_prob" in history) == (kind in ("mixture", "flow", "auto"))
    assert ("stage2_log_prob_bound" in history) == (kind == "vae")
    assert all(np.isfinite(values).all() for values in history.values())
    assert len(kept.drawn) == len(history["stage2_loss"]) and len(report.reports) >= 1
    if kind != "mixture":  # which the first round brings to these images
        assert np.abs(kept.drawn[-1] - kept.drawn[0]).max() > 1e-4
    if kind != "auto":  # which was its flow
        np.testing.assert_allclose(model.sample(2, seed=0), kept.drawn[-1], atol=1e-5)


def test_samples_heed_the_condition(whole):
    model, *_ = whole
    means = [model.first_stage.encode(IMAGES[LABELS == label])[0].mean(0) for label in (0, 1)]
    drawn = [model.second_stage.sample(500, seed=0, condition=code).mean(0) for code in CODES]
    for label in (0, 1):
        own = np.linalg.norm(drawn[label] - means[label])
        assert own < 0.5 * np.linalg.norm(drawn[label] - means[1 - label])


def test_equal_seeds_draw_the_same_in_batches_of_any_size(whole):
    model, *_ = whole
    samples = draws(model)
    np.testing.assert_array_equal(draws(model), samples)
    np.testing.assert_allclose(
        model.sample(3, seed=1, condition=[0, 1, 1], batch_size=2), samples, atol=1e-5
    )
    z = model.second_stage.sample(3, seed=1, condition=CODES[[0, 1, 1]])
    np.testing.assert_allclose(model.decode(z), samples, atol=1e-5)
    other = model.sample(3, seed=2, condition=[0, 1, 1])
    assert np.abs(other - samples).max(axis=(1, 2, 3)).min() > 1e-3


def test_u_and_back(whole):
    model, kind, *_ = whole
    second, z = model.second_stage, posteriors(20).mean
    condition = CODES[np.arange(20) % 2]
    u, std = second.encode(z, condition=condition)
    assert u.dtype == std.dtype == "float32" and (std >= 0).all()
    if kind in family.INVERTIBLE:
        np.testing.assert_allclose(second.decode(u, condition=condition), z, atol=2e-3)
    if kind in family.WITH_DENSITIES:
        log_prob = second.log_prob(z, condition=condition)
        assert log_prob.dtype == "float32" and np.isfinite(log_prob).all()


def test_an_edit_moves_z_as_the_second_stage_does(whole):
    model, *_ = whole
    images, second = IMAGES[:4], model.second_stage
    same = model.edit(images, LABELS[:4], condition=LABELS[:4])
    np.testing.assert_allclose(same, model.reconstruct(images), atol=1e-5)
    z = model.encode(images)[0]
    own, other = CODES[LABELS[:4]], CODES[1 - LABELS[:4]]
    u, _ = second.encode(z, condition=own)
    moved = z + second.decode(u, condition=other) - second.decode(u, condition=own)
    edited = model.edit(images, 1 - LABELS[:4], condition=LABELS[:4])
    np.testing.assert_allclose(edited, model.decode(moved), atol=1e-5)
    assert np.abs(edited - same).max() > 1e-2


def test_files_hold_all_of_it(whole, tmp_path):
    model, kind, *_ = whole
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(draws(loaded), draws(model))
    assert loaded.second_stage.get_config() == model.second_stage.get_config()
    ours, theirs = (flat(m.second_stage.optimizer.variables) for m in (model, loaded))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a, b)
    model.second_stage.save_weights(tmp_path / "second.weights.h5")
    other = member(kind, condition_dim=2)
    other.build((None, tiny.LATENT_DIM))
    other.load_weights(tmp_path / "second.weights.h5")
    for a, b in zip(other.get_weights(), model.second_stage.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
@pytest.mark.parametrize("kind", family.KINDS)
def test_a_saved_model_draws_what_it_draws(kind, tmp_path):
    import tensorflow as tf

    first, second = tiny.first_stage(), family.with_random_weights(member(kind))
    model = tsvae.TwoStageVAE(first, second)
    model.export(tmp_path / "saved_model")
    sampler = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(sampler.sample(5, seed=3), model.sample(5, seed=3), atol=1e-5)


class Noise(keras.callbacks.Callback):
    """Notes where the sequences of noise are after the first epoch, which files do not hold."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.states = flat([state.value for state in states_of_noise(self.model)])


def states_of_noise(stage):
    weights = {id(weight) for weight in stage.weights}
    return [v for v in stage.variables if id(v) not in weights and "seed" in v.path]


@pytest.mark.parametrize("kind", family.KINDS)
def test_training_that_was_cut_off_goes_on(kind, tmp_path):
    """From the file of the first epoch, as if it had never ended; a mixture starts anew."""
    data = posteriors(160)
    settings = {"epochs": 2, "shuffle": False, **QUICK}
    whole, noise = compiled(kind), Noise()
    every_epoch = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    whole.fit(data, callbacks=[every_epoch, noise], **settings)
    loaded = keras.saving.load_model(tmp_path / "1.keras")
    for state, value in zip(states_of_noise(loaded), noise.states, strict=True):
        state.assign(value)
    loaded.fit(data, initial_epoch=int(kind != "mixture"), **settings)
    for a, b in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert int(loaded.optimizer.iterations) == int(whole.optimizer.iterations)


@pytest.mark.parametrize("kind", family.KINDS)
def test_in_half_precision_densities_and_samples_are_in_float32(kind):
    stage = compiled(kind, dtype="mixed_float16")
    history = stage.fit(posteriors(128), epochs=2, **QUICK)
    assert np.isfinite(history.history["loss"]).all()
    assert isinstance(stage.optimizer, keras.optimizers.LossScaleOptimizer)
    z = stage.sample(20, seed=0)
    assert z.dtype == "float32" and np.isfinite(z).all()
    if kind == "auto":  # whose parts are of this family
        assert stage.flow.velocity.compute_dtype == "float16"
        return
    u, _ = stage.encode(z)
    assert u.dtype == "float32"
    if kind in family.INVERTIBLE:
        np.testing.assert_allclose(stage.decode(u), z, atol=1e-3)
    if kind in family.WITH_DENSITIES:
        log_prob = stage.log_prob(z)
        assert log_prob.dtype == "float32" and np.isfinite(log_prob).all()


ARRAYS = posteriors(80, condition_dim=2).arrays
NAN = np.full_like(ARRAYS[0], np.nan)
BAD_FITS = [
    (None, (ARRAYS[0][:, :3], ARRAYS[1][:, :3]), "`x` must hold posteriors of width 4"),
    (None, (NAN, ARRAYS[1]), "must be finite"),
    (None, (ARRAYS[0], -ARRAYS[1]), "`std` must not be negative"),
    (None, (ARRAYS[0], NAN), "must be finite"),
    (None, ARRAYS[0], "`x` must be `Posteriors` or a pair of arrays"),
    (2, ARRAYS[:2], "`x` .* conditions of width 2. Received: condition_dim=None"),
    (2, (*ARRAYS[:2], ARRAYS[2][:, :1]), "`x` .* conditions of width 2. Received: condition_dim=1"),
    (2, (*ARRAYS[:2], NAN[:, :2]), "finite"),
]
Z = ARRAYS[0][:3]
BAD_CALLS = [
    (None, lambda stage: stage.encode(Z[:, :3]), r"`z` must have shape \(n, 4\)"),
    (None, lambda stage: stage.decode(NAN), "`u` must hold finite"),
    (None, lambda stage: stage.log_prob(NAN), "`z` must hold finite"),
    (None, lambda stage: stage.decode(Z, condition=Z), "`condition` must be given if and only if"),
    (None, lambda stage: stage.sample(0), "`n` must be a positive integer"),
    (None, lambda stage: stage.sample(2, seed=-1), "`seed` must be"),
    (2, lambda stage: stage.sample(2), "`condition` must be given if and only if"),
    (2, lambda stage: stage.encode(Z), "`condition` must be given if and only if"),
    (2, lambda stage: stage.sample(2, condition=Z[0]), r"`condition` must have shape \(2, 2\)"),
    (2, lambda stage: stage.sample(2, condition=NAN[0, :2]), "`condition` must hold finite"),
]


@pytest.mark.parametrize("kind", family.KINDS)
def test_bad_input_is_named_before_anything_is_trained(kind):
    for condition_dim in (None, 2):
        stage = compiled(kind, condition_dim=condition_dim)
        stage.build((None, tiny.LATENT_DIM))
        before = stage.get_weights()
        good = ARRAYS if condition_dim else ARRAYS[:2]
        for bad, message in ((data, m) for width, data, m in BAD_FITS if width == condition_dim):
            with pytest.raises(ValueError, match=message):
                stage.fit(bad, **QUICK)
            with pytest.raises(ValueError, match=message.replace("`x`", "`validation_data`")):
                stage.fit(good, validation_data=bad, **QUICK)
        for call, message in ((c, m) for width, c, m in BAD_CALLS if width == condition_dim):
            with pytest.raises(ValueError, match=message):
                call(stage)
        for refused in ("class_weight", "sample_weight", "validation_split"):
            with pytest.raises(ValueError, match=refused):
                stage.fit(good, **{refused: 0.5}, **QUICK)
        for now, then in zip(stage.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)
        if kind != "mixture":  # which takes no batches
            with pytest.raises(ValueError, match="`batch_size` must not exceed the number"):
                stage.fit(good, batch_size=81, verbose=0)
    with pytest.raises(ValueError, match="compile"):
        member(kind).fit(ARRAYS[:2], **QUICK)


@pytest.mark.parametrize(
    "kinds, name, value, rule",
    [
        (family.KINDS, "latent_dim", 0, "a positive integer"),
        (family.KINDS, "condition_dim", 0, "a positive integer"),
        (("mixture", "flow", "auto"), "num_components", 0, "a positive integer"),
        (("mixture", "flow", "auto"), "seed", -1, "an integer of at least 0"),
        (("flow",), "mixture_rounds", -1, "an integer of at least 0"),
        (("auto",), "mixture_rounds", 0, "a positive integer"),
        (("vae", "flow", "auto"), "width", 0, "a positive integer"),
        (("vae", "flow", "auto"), "depth", 0, "a positive integer"),
        (("flow",), "integration_steps", 0, "a positive integer"),
    ],
)
def test_bad_arguments_are_named(kinds, name, value, rule):
    for stage, sizes in map(family.MEMBERS.get, kinds):
        with pytest.raises(ValueError, match=f"`{name}` must be {rule}"):
            stage(**{"latent_dim": 2, **sizes, name: value})


@pytest.mark.parametrize("kind", family.PRESETS)
def test_presets_take_it_by_name(kind):
    with shapes_alone():
        model = tsvae.TwoStageVAE.from_preset("digits", second_stage=kind, train_size=96)
    assert type(model.second_stage) is family.MEMBERS[kind][0]


def test_a_name_of_no_kind_is_refused():
    with pytest.raises(ValueError, match="`second_stage` must be one of"):
        tsvae.presets.get("digits", second_stage="forest")
