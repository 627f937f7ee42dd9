"""`FIDLogger` on either stage and on both, its figures those of the metric itself."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae import FirstStageVAE, metrics
from keras_tsvae.callbacks import FIDLogger
from tests import tiny
from tests.callbacks import linear
from tests.reused import reused

pytestmark = pytest.mark.filterwarnings("ignore:FID of")


def features(images):
    """Means over the four quarters of 8x8 images."""
    quarters = np.asarray(images, "float64").reshape(len(images), 2, 4, 2, 4)
    return quarters.mean((2, 4)).reshape(len(images), 4)


def logger(images, **kwargs):
    return FIDLogger(images, features, num_samples=40, **{"verbose": 0, **kwargs})


def distance(generated, real, **kwargs):
    return metrics.frechet_inception_distance(generated, real, features, **kwargs)


def test_first_stage_by_hand(images, capsys):
    model, real = reused(linear.first_stage), tiny.images(60, seed=1)
    fid = logger(real, seed=3, verbose=1)
    history = model.fit(images, batch_size=16, epochs=2, callbacks=[fid], verbose=0).history
    assert history["val_fid_stage1"][1] == pytest.approx(
        distance(model.sample(40, seed=3), real), rel=1e-5
    )
    kept = np.sort(np.random.default_rng(0).permutation(60)[:40])
    assert history["val_fid_reconstruction"][1] == pytest.approx(
        distance(model.reconstruct(real[kept]), real), rel=1e-5
    )
    assert history["val_fid_stage1"][0] != history["val_fid_stage1"][1]
    assert min(history["fid_seconds"]) > 0
    printed = capsys.readouterr().out
    assert "val_fid_stage1" in printed and "40 images" in printed and " s)" in printed


def test_second_stage_by_hand(images):
    first, second = reused(linear.first_stage), reused(tiny.second_stage)
    posteriors = first.posteriors(images)
    fid = logger(images, first_stage=first)
    history = second.fit(posteriors, batch_size=16, callbacks=[fid], verbose=0).history
    expected = distance(first.decode(second.sample(40, seed=0)), images)
    assert history["val_fid_stage2"] == [pytest.approx(expected, rel=1e-5)]
    assert "val_fid_stage1" not in history
    with pytest.raises(ValueError, match="`first_stage` must be given"):
        second.fit(posteriors, batch_size=16, callbacks=[logger(images)], verbose=0)


def test_both_stages_and_those_who_watch(images, tmp_path):
    model, fid = reused(linear.two_stage), logger(images, protocol="dai-wipf")
    best = {
        stage: keras.callbacks.ModelCheckpoint(
            tmp_path / f"{stage}.keras", f"val_fid_{stage}", save_best_only=True, mode="min"
        )
        for stage in ("stage1", "stage2")
    }
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = model.fit(
        images,
        batch_size=16,
        epochs=2,
        second_stage_epochs=1,
        callbacks=[fid, best["stage1"], log],
        second_stage_callbacks=[fid, best["stage2"]],
        verbose=0,
    ).history
    expected = distance(model, images, num_samples=40, protocol="dai-wipf")
    assert history["stage2_val_fid_stage2"] == [pytest.approx(expected, rel=1e-5)]
    logged = [float(row["val_fid_stage1"]) for row in csv.DictReader((tmp_path / "log.csv").open())]
    assert history["stage1_val_fid_stage1"] == pytest.approx(logged)
    assert all((tmp_path / f"{stage}.keras").exists() for stage in best)


def test_epochs_in_between_have_no_figures(images, tmp_path):
    model, log = reused(linear.first_stage), keras.callbacks.CSVLogger(tmp_path / "log.csv")
    fid = logger(images, every=3)
    history = model.fit(images, batch_size=48, epochs=5, callbacks=[fid, log], verbose=0).history
    figures = history["val_fid_stage1"]
    assert len(set(figures)) == len(figures) == 3  # after epochs 1, 3 and the last
    rows = [row["val_fid_stage1"] for row in csv.DictReader((tmp_path / "log.csv").open())]
    assert [rows.pop(3), rows.pop(1)] == ["NA", "NA"]
    assert figures == pytest.approx([float(row) for row in rows])


def test_statistics_alone_measure_no_reconstruction(images, tmp_path):
    metrics.ReferenceStatistics.from_images(images, features).save(tmp_path / "real.npz")
    model = reused(linear.first_stage)
    fid = logger(str(tmp_path / "real.npz"))
    history = model.fit(images, batch_size=48, callbacks=[fid], verbose=0).history
    assert "val_fid_stage1" in history and "val_fid_reconstruction" not in history


def test_a_model_that_diverged_has_no_distance(images):
    first = reused(linear.first_stage)
    cases = [(first, "stage1"), (first, "reconstruction"), (tiny.second_stage(), "stage2")]
    networks = [first.decoder, first.encoder, cases[2][0].decoder]
    for (model, name), network in zip(cases, networks):
        fid = logger(images, first_stage=first)
        fid.set_model(model)
        fid.set_params({"epochs": 1})
        fid.on_train_begin()
        kept = network.get_weights()
        network.set_weights([np.nan * weight for weight in kept])  # all: a relu may swallow NaN
        logs = {}
        fid.on_epoch_end(0, logs)
        network.set_weights(kept)
        assert np.isnan(logs[f"val_fid_{name}"])


def test_a_log_of_both_stages_keeps_its_columns(images, tmp_path):
    model, fid = reused(linear.two_stage), logger(images)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model.fit(images, batch_size=48, callbacks=[fid, log], second_stage_epochs=2, verbose=0)
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert len(rows) == 3 and all(None not in row for row in rows)
    assert [row["val_fid_stage1"] for row in rows[1:]] == ["NA", "NA"]
    assert float(rows[1]["kl"]) == pytest.approx(model.history.history["stage2_kl"][0])


def test_bad_arguments_are_refused(images):
    with pytest.raises(ValueError, match="`num_samples` must be"):
        FIDLogger(images, features, num_samples=0)
    with pytest.raises(ValueError, match="`num_samples` must be at least 2 for FID"):
        FIDLogger(images, features, num_samples=1)
    with pytest.raises(ValueError, match="`reference` must hold at least 2 images. Received: 1"):
        FIDLogger(images[:1], features)
    with pytest.raises(ValueError, match="`reference` must be .* that can be read more than once"):
        FIDLogger(iter([images]), features)
    with pytest.raises(ValueError, match="`every` must be"):
        FIDLogger(images, features, every=0)
    with pytest.raises(ValueError, match="`first_stage` must be a FirstStageVAE"):
        FIDLogger(images, features, first_stage=linear.two_stage())
    with pytest.raises(ValueError, match="shape of the reference's images"):
        other = tiny.images(20, (16, 16, 1))
        fid = FIDLogger(other, lambda x: x.reshape(len(x), -1)[:, :4], num_samples=40)
        reused(linear.first_stage).fit(images, batch_size=48, callbacks=[fid], verbose=0)


def any_channels(images):
    return np.asarray(images, "float64")[:, ::4, ::4].reshape(len(images), -1)


def test_grey_pictures_may_be_stored_as_rgb(images, tmp_path):
    """Of a grey model: in a folder, where reconstructions are made of them, too."""
    for number, image in enumerate(np.repeat(images, 3, axis=-1)):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    model, fid = linear.first_stage(), FIDLogger(tmp_path, any_channels, 96, verbose=0)
    logs = model.fit(images, batch_size=16, epochs=1, callbacks=[fid], verbose=0).history
    rgb = np.repeat(images, 3, axis=-1)
    made = np.repeat(model.reconstruct(images), 3, axis=-1)
    expected = metrics.frechet_inception_distance(made, rgb, any_channels)
    assert logs["val_fid_reconstruction"] == [pytest.approx(expected, rel=1e-5)]
    assert np.isfinite(logs["val_fid_stage1"]).all()


def test_colour_and_grey_are_told_apart_before_training(images):
    """A single picture in colour, or a colour model for features of grey images."""
    rgb = np.repeat(images, 3, axis=-1)
    rgb[-1, 0, 0, 0] ^= 1
    fid = FIDLogger(rgb, any_channels, 96, verbose=0)
    with pytest.raises(ValueError, match="`reference` must be grey"):
        fid.check_model(linear.first_stage())
    encoder, decoder = tiny.linear_networks((8, 8, 3), 4)
    colour = FirstStageVAE(encoder, decoder)
    colour.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match="the model's images` must be grey"):
        FIDLogger(images, any_channels, 96, verbose=0).check_model(colour)
    judge = metrics.ClassifierFeatures((8, 8, 1), num_outputs=3)
    with pytest.raises(ValueError, match="was trained on images of shape"):
        FIDLogger(images, judge, 96, verbose=0).check_model(colour)
    judge = metrics.ClassifierFeatures((8, 8, 3), num_outputs=3)
    FIDLogger(images, judge, 96, verbose=0).check_model(colour)
