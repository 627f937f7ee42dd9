"""What is alike in all callbacks: when they look, what they check, and copies of them."""

import copy
import pickle

import keras
import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.callbacks import ConditionLogger, FIDLogger, LatentReport, SampleGrid
from tests import conditioned, tiny
from tests.callbacks import linear
from tests.conditions import toy
from tests.reused import reused

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:FID of")]
NAMES = ("fid", "grid", "latents", "conditions")


def quarters(images):
    """Means over the four quarters of 8x8 images."""
    images = np.asarray(images, "float64").reshape(len(images), 2, 4, 2, 4)
    return images.mean((2, 4)).reshape(len(images), 4)


def no_download(*args, **kwargs):
    raise AssertionError("Inception's weights are asked for")


def make(name, images, folder, every):
    if name == "fid":
        return FIDLogger(images, quarters, num_samples=8, every=every, verbose=0)
    if name == "grid":
        return SampleGrid(folder, num_images=4, every=every)
    if name == "latents":
        return LatentReport(images, every=every)
    return ConditionLogger(conditioned.PixelJudge(), num_samples=8, every=every, verbose=0)


class Looks(keras.callbacks.Callback):
    """Remembers the epochs, from 1, in which another callback looked."""

    def __init__(self, callback):
        super().__init__()
        self.epochs = []
        look = callback.look
        callback.look = lambda epoch, *rest: (self.epochs.append(epoch + 1), look(epoch, *rest))[1]


@pytest.mark.parametrize(
    ("every", "epochs", "expected"), [(10, 3, [1, 3]), (2, 5, [1, 2, 4, 5]), (1, 2, [1, 2])]
)
def test_the_first_every_nth_and_the_last_epoch(every, epochs, expected, images, tmp_path):
    model = reused(conditioned.FakeModel)
    callbacks = [make(name, images, tmp_path / "new", every) for name in NAMES]
    looks = {name: Looks(callback) for name, callback in zip(NAMES, callbacks)}
    fit = {"batch_size": 96, "epochs": epochs, "second_stage_epochs": 1, "verbose": 0}
    model.fit(images, callbacks=callbacks, **fit)
    for name in NAMES:
        assert looks[name].epochs == [*expected, 1], name  # and the only one of the second stage
    files = sorted(path.name for path in (tmp_path / "new").glob("stage1*"))
    assert files == [f"stage1_epoch_{epoch:04}.png" for epoch in expected]


def test_an_epoch_that_a_callback_before_makes_the_last(images):
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", epoch == 3)
    )
    report = LatentReport(images, every=10)
    reused(linear.first_stage).fit(
        images, batch_size=48, epochs=9, callbacks=[stop, report], verbose=0
    )
    assert [epoch for epoch, _, _ in report.reports] == [0, 3]


def measuring(every, *figures):
    """A `LatentReport` that finds these figures, one after the other, with no images at all."""
    report, waiting = LatentReport(tiny.images(4), every=every), list(figures)
    report.look = lambda epoch, stage, logs: {"figure": waiting.pop(0)}
    return report


def stop(**kwargs):
    return keras.callbacks.EarlyStopping("figure", mode="min", **kwargs)


@pytest.mark.parametrize("whole", [False, True])
def test_callbacks_wait_for_the_next_measurement(whole, images, tmp_path, recwarn):
    """They count measurements, keep the best of those measured, and do not warn in between."""
    model = reused(linear.two_stage) if whole else reused(linear.first_stage)
    saved = []
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", "figure", mode="min", save_best_only=True
    )
    named = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}_{figure:.1f}.keras")
    every = keras.callbacks.ModelCheckpoint(
        tmp_path / "each" / "{epoch}.keras", "figure", mode="min"
    )
    slower = keras.callbacks.ReduceLROnPlateau("figure", 0.5, patience=1, mode="min", min_lr=1e-9)
    after = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: saved.append((tmp_path / "best.keras").stat().st_mtime_ns)
    )
    callbacks = [measuring(3, 2.0, 1.0, 1.0, 1.0), best, named, every, slower, after]
    callbacks.append(stop(patience=2))
    options = {"second_stage_epochs": 0} if whole else {}
    fitted = model.fit(images, batch_size=96, epochs=20, callbacks=callbacks, verbose=0, **options)
    history = fitted.history
    prefix = "stage1_" if whole else ""
    assert len(history[f"{prefix}loss"]) == 9 and len(history[f"{prefix}figure"]) == 4
    assert [a < b for a, b in zip(saved, saved[1:])] == [False, True] + [False] * 6
    names = {path.name for path in tmp_path.glob("*.*")} - {"best.keras"}
    assert names == {"1_2.0.keras", "3_1.0.keras", "6_1.0.keras", "9_1.0.keras"}
    assert len(list((tmp_path / "each").iterdir())) == 9
    optimizer = (model.first_stage if whole else model).optimizer
    np.testing.assert_allclose(float(optimizer.learning_rate), 1e-4 / 4, rtol=1e-5)
    assert not [w for w in recwarn if "conditioned on" in str(w.message)]


def test_patience_counts_measurements_in_any_list_of_callbacks():
    model = reused(linear.first_stage)
    callbacks = [measuring(3, *[1.0] * 9), stop(patience=2)]
    watching = keras.callbacks.CallbackList(callbacks, model=model, epochs=20)
    watching.on_train_begin()
    for epoch in range(20):
        watching.on_epoch_end(epoch, {"loss": 1.0})
        if model.stop_training:
            break
    assert epoch == 5  # measured after 1, 3 and 6


def test_who_stands_before_what_it_watches_is_warned(images):
    callbacks = [stop(), measuring(1, 1.0)]
    with pytest.warns(UserWarning, match="`figure` which is not available"):
        reused(linear.first_stage).fit(images, batch_size=96, callbacks=callbacks, verbose=0)


def test_what_does_not_fit_is_found_before_training(images, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics.InceptionV3Features, "__init__", no_download)
    reference = metrics.ReferenceStatistics.from_images(images, quarters)
    reference.save(tmp_path / "stats.npz")
    with np.load(tmp_path / "stats.npz") as file:  # as pytorch-fid writes it
        np.savez(tmp_path / "bare.npz", mu=file["mu"], sigma=file["sigma"])
    stats, bare = str(tmp_path / "stats.npz"), str(tmp_path / "bare.npz")
    for path in (stats, bare):
        with pytest.raises(ValueError, match="`features` must be given .* of width 4"):
            FIDLogger(path)
    with pytest.raises(ValueError, match="`reference` must hold the features"):
        FIDLogger(stats, lambda x: quarters(x))
    judge = conditioned.PixelJudge(image_shape=(16, 16, 1))
    with pytest.raises(ValueError, match=r"`features` was trained on images of shape \(16"):
        FIDLogger(images, judge)
    five = FIDLogger(bare, lambda x: np.zeros((len(x), 5)), num_samples=8)
    other = FIDLogger(bare, conditioned.PixelJudge(width=4, image_shape=(16, 16, 1)))
    model = reused(linear.two_stage)
    for fid, message in (
        (five, r"`features` must have shape \(n, 4\)"),
        (other, r"`features` was trained on images of shape \(16"),
    ):
        with pytest.raises(ValueError, match=message):
            fid.check_model(model)
        with pytest.raises(ValueError, match=message):
            model.fit(images, batch_size=48, callbacks=[fid], verbose=0)
    FIDLogger(bare, quarters, num_samples=8).check_model(model)


@pytest.mark.parametrize("conditional", [False, True])
def test_callbacks_of_the_second_stage_are_checked_before_the_first_is_trained(conditional):
    model = reused(toy.linear) if conditional else reused(linear.two_stage)
    images, labels = toy.data(96)
    wrong = LatentReport(tiny.images(4, (16, 16, 1)))
    options = {"batch_size": 48, "second_stage_callbacks": [wrong], "verbose": 0}
    with pytest.raises(ValueError, match="`x` must hold images of shape"):
        model.fit(images, labels, **options)
    iterations = [stage.optimizer.iterations for stage in model.stages().values()]
    assert [int(keras.ops.convert_to_numpy(count)) for count in iterations] == [0, 0]
    assert not conditional or not model.recognizer.is_trained
    recognition = {"recognizer_epochs": 0} if conditional else {}
    model.fit(images, labels, second_stage_epochs=0, **recognition, **options)  # nobody watches


def test_a_first_stage_that_cannot_decode_is_found_before_training(images):
    first = linear.first_stage()
    fid = FIDLogger(images, quarters, first_stage=first, num_samples=8)
    fid.check_model(tiny.second_stage())
    first.latent_dim = 5
    with pytest.raises(ValueError, match="`first_stage` must be without conditions, and of the"):
        fid.check_model(tiny.second_stage())


def test_a_folder_that_cannot_be_written_is_found_when_made(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o500)
    for name in ("folder", "log_dir"):
        for path in (tmp_path / "file" / "new", tmp_path / "file"):
            with pytest.raises(ValueError, match=f"`{name}` must .* Received: {name}="):
                SampleGrid(**{"folder": tmp_path / "new", name: path})
    SampleGrid(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, "pickle"])
def test_copies_measure_the_same_with_the_same_extractor(copied, images, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics.InceptionV3Features, "__init__", no_download)
    judge = metrics.ClassifierFeatures(tiny.IMAGE_SHAPE, 3, dimensions=4)
    model = reused(linear.first_stage)
    fid = FIDLogger(images, judge, num_samples=8, verbose=0)
    board = tmp_path if keras.backend.backend() == "tensorflow" else None
    callbacks = [fid, SampleGrid(tmp_path, num_images=4, log_dir=board), LatentReport(images)]
    if copied == "pickle":
        callbacks = [fid]
        copies = pickle.loads(pickle.dumps(callbacks))
    else:
        copies = [copied(callback) for callback in callbacks]
        assert copies[0].extractor is fid.extractor and copies[0].fid.extractor is fid.extractor
        assert copies[0].fid.reference.extractor is fid.extractor
    figures = []
    for ours in (callbacks, copies):
        keras.utils.set_random_seed(0)
        model = reused(linear.first_stage)
        history = model.fit(images, batch_size=48, callbacks=ours, verbose=0).history
        figures.append({key: value[0] for key, value in history.items() if key != "fid_seconds"})
    assert figures[0] == pytest.approx(figures[1], rel=1e-6)
    assert copy.deepcopy(fid).model is None  # not a copy of all that it has watched


def test_copies_share_models(images):
    first, judge = linear.first_stage(), conditioned.PixelJudge()
    fid = copy.deepcopy(FIDLogger(images, judge, first_stage=first, num_samples=8))
    assert fid.first_stage is first and fid.extractor.model is judge
    assert copy.deepcopy(ConditionLogger(judge)).accuracy.judge.model is judge
    reference = metrics.ReferenceStatistics.from_images(images, judge)
    again = copy.deepcopy(reference)
    again.update(images)
    assert (reference.num_samples, again.num_samples) == (96, 192)
