import sys

import numpy as np
import pytest

from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.callbacks import SampleGrid
from keras_tsvae.training.stage_callbacks import StageCallbacks
from tests import tiny
from tests.callbacks import linear
from tests.reused import reused

LOGS = {"loss": 1.0}


def read(path):
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)


def watching(grid, model):
    """Begins as `fit` does."""
    grid.set_model(model)
    grid.on_train_begin()
    return grid


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_shows(pixels, images, columns):
    np.testing.assert_allclose(pixels, 255 * np.clip(image_grid(images, columns), 0, 1), atol=1)


def test_samples_of_the_stage_in_training(images, tmp_path):
    model = reused(linear.two_stage)
    grid = SampleGrid(tmp_path / "new", num_images=9, seed=3, images=images)
    for stage in model.stages():
        with StageCallbacks([grid], model, stage) as callbacks:
            callbacks.set_model(model)
            callbacks.on_train_begin()
            callbacks.on_epoch_end(11, LOGS)
    assert names(tmp_path / "new") == [
        "stage1_epoch_0012.png",
        "stage1_epoch_0012_reconstructions.png",
        "stage2_epoch_0012.png",
    ]
    for stage in (1, 2):
        pixels = read(tmp_path / "new" / f"stage{stage}_epoch_0012.png")
        assert_shows(pixels, model.sample(9, stage=stage, seed=3), columns=3)


def test_the_noise_stays_while_the_weights_change(images, tmp_path):
    model = reused(linear.two_stage)
    grid = SampleGrid(tmp_path, num_images=9)
    model.fit(images, batch_size=16, epochs=0, second_stage_epochs=2, callbacks=[grid], verbose=0)
    first, last = (read(tmp_path / f"stage2_epoch_000{epoch}.png") for epoch in (1, 2))
    assert_shows(last, model.sample(9, seed=0), columns=3)
    assert (first != last).any()


def test_first_stage_by_hand_every_other_epoch(images, tmp_path):
    model = reused(linear.first_stage)
    grid = watching(SampleGrid(tmp_path, num_images=5, every=2, images=images / 255), model)
    for epoch in range(5):
        grid.on_epoch_end(epoch, LOGS)
    assert names(tmp_path) == [
        f"stage1_epoch_000{epoch}{suffix}.png"
        for epoch in (1, 2, 4)
        for suffix in ("", "_reconstructions")
    ]
    assert_shows(read(tmp_path / "stage1_epoch_0002.png"), model.sample(5, seed=0), columns=3)
    pair = read(tmp_path / "stage1_epoch_0004_reconstructions.png")
    originals, reconstructions = np.split(pair, 2, axis=1)
    assert_shows(originals, images[:5], columns=3)
    assert_shows(reconstructions, model.reconstruct(images[:5]), columns=3)


def test_a_model_that_has_diverged_is_not_drawn(tmp_path):
    grid = watching(SampleGrid(tmp_path), linear.first_stage())
    grid.on_epoch_end(0, {"loss": float("nan")})
    assert names(tmp_path) == []


def test_tensorboard_is_shown_the_same(tmp_path):
    pytest.importorskip("tensorflow")
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    import tensorflow as tf

    folder, board = tmp_path / "pictures", tmp_path / "board"
    grid = SampleGrid(folder, num_images=4, log_dir=board)
    watching(grid, linear.first_stage()).on_epoch_end(2, LOGS)
    found = events.EventAccumulator(str(board)).Reload()
    [event] = found.Tensors("stage1")
    assert event.step == 2
    shown = tf.io.decode_png(event.tensor_proto.string_val[2]).numpy()
    np.testing.assert_array_equal(shown[..., 0], read(folder / "stage1_epoch_0003.png"))


def test_tensorboard_needs_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="`log_dir` needs TensorFlow"):
        SampleGrid(tmp_path, log_dir=tmp_path)
    SampleGrid(tmp_path)


def test_bad_arguments(images, tmp_path):
    for arguments in ({"num_images": 0}, {"every": 1.5}, {"seed": -1}, {"images": images[0]}):
        with pytest.raises(ValueError, match=f"`{[*arguments][0]}` must"):
            SampleGrid(tmp_path, **arguments)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`folder` must not be a file"):
        SampleGrid(tmp_path / "file")
    with pytest.raises(ValueError, match="a second stage alone has no images"):
        watching(SampleGrid(tmp_path), tiny.second_stage())
    with pytest.raises(ValueError, match="`images` must hold images of shape"):
        watching(SampleGrid(tmp_path, images=images[:, :4]), linear.first_stage())
    assert names(tmp_path) == ["file"]
