import contextlib
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_tsvae.data import Split
from keras_tsvae.data.rows import Rows


def numbered(n, shape=(2, 3, 1)):
    """Images whose pixels all hold the image's number."""
    images = np.broadcast_to(np.arange(n).reshape(-1, 1, 1, 1), (n, *shape)).astype("uint8")
    return Split(images, np.arange(n))


def mapped(path, images):
    np.save(path, images)
    return np.load(path, mmap_mode="r")


def lopsided(n):
    """Images that are unlike their mirror images."""
    return np.random.default_rng(0).integers(0, 256, (n, 4, 5, 3), "uint8")


@pytest.mark.backend_free
def test_without_training_the_order_is_kept_and_nothing_is_dropped():
    dataset = numbered(10).tf_dataset(4)
    assert int(dataset.cardinality()) == 3
    assert dataset.element_spec[0].shape == (None, 2, 3, 1)
    batches = list(dataset.as_numpy_iterator())
    assert [len(images) for images, _ in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([b[0][:, 1, 2, 0] for b in batches]), range(10))
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), range(10))
    assert batches[0][0].dtype == "uint8" and batches[0][1].dtype == "int64"


@pytest.mark.backend_free
def test_training_shuffles_all_indices_anew_every_epoch():
    dataset = numbered(200).tf_dataset(50, training=True)
    assert int(dataset.cardinality()) == 4
    assert dataset.element_spec[0].shape == (50, 2, 3, 1)
    orders = []
    for _ in range(2):
        batches = list(dataset.as_numpy_iterator())
        orders.append(np.concatenate([labels for _, labels in batches]))
        images = np.concatenate([images for images, _ in batches])
        np.testing.assert_array_equal(images[:, 0, 0, 0], orders[-1])  # labels go with images
        assert sorted(orders[-1]) == list(range(200))
    assert (orders[0] != orders[1]).mean() > 0.9
    # Not shuffled within a window only: early rows come late and late rows early.
    assert orders[0][:50].max() > 150 and orders[0][150:].min() < 50


@pytest.mark.backend_free
def test_training_drops_the_last_partial_batch_but_no_image_for_good():
    dataset = numbered(10).tf_dataset(4, training=True, seed=0)
    seen = set()
    for _ in range(20):
        batches = list(dataset.as_numpy_iterator())
        assert [len(labels) for _, labels in batches] == [4, 4]
        seen |= {label for _, labels in batches for label in labels}
    assert seen == set(range(10))


@pytest.mark.backend_free
def test_seeds_fix_the_order():
    def order(seed):
        dataset = numbered(100).tf_dataset(10, training=True, seed=seed)
        return [label for _, labels in dataset.as_numpy_iterator() for label in labels]

    assert order(3) == order(3) != order(4)
    keras.utils.set_random_seed(5)
    first, second = order(None), order(None)
    keras.utils.set_random_seed(5)
    assert first == order(None) != second


@pytest.mark.backend_free
def test_batches_are_read_no_faster_than_they_are_used(monkeypatch):
    reads, ahead = [], []
    reader = Rows.reader

    @contextlib.contextmanager
    def counting(self):
        with reader(self) as read:
            yield lambda rows: reads.append(len(rows)) or read(rows)

    monkeypatch.setattr(Rows, "reader", counting)
    dataset = numbered(256).tf_dataset(1)
    values = np.random.default_rng(0).random(50_000)
    for used, _ in enumerate(dataset, start=1):
        np.sort(values)  # takes longer than reading a batch
        ahead.append(sum(reads) - used)
    assert sum(reads) == 256
    # Two that wait, one on its way to them, and one that is being read.
    assert max(ahead) <= 4, ahead


@pytest.mark.backend_free
def test_memory_maps_are_read_from_the_file(tmp_path):
    images = lopsided(50)
    rows = Split(mapped(tmp_path / "images.npy", images)[10:], np.arange(40))  # not from the start
    whole = [batch for batch, _ in rows.tf_dataset(16).as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate(whole), images[10:])
    for batch, labels in rows.tf_dataset(16, training=True).as_numpy_iterator():
        np.testing.assert_array_equal(batch, images[10:][labels])


@pytest.mark.backend_free
def test_maps_are_not_touched(tmp_path):
    images = mapped(tmp_path / "images.npy", lopsided(20))
    rows = Rows(images)
    rows.array = np.empty((0, 4, 5, 3), "uint8")  # not the map any more, and without a row
    with rows.reader() as read:
        np.testing.assert_array_equal(read(np.array([3, 19, 0])), images[[3, 19, 0]])


@pytest.mark.backend_free
def test_a_file_cut_short_is_named(tmp_path):
    images = mapped(tmp_path / "images.npy", lopsided(20))
    with Rows(images).reader() as read:
        os.truncate(tmp_path / "images.npy", 300)
        with pytest.raises(OSError, match="images.npy.* has become shorter"):
            read(np.array([19]))


@pytest.mark.backend_free
def test_a_replaced_or_removed_file_still_gives_the_mapped_rows(tmp_path):
    path, images = tmp_path / "images.npy", lopsided(20)
    rows = Split(mapped(path, images), np.arange(20))
    np.save(tmp_path / "other.npy", 255 - images)
    os.replace(tmp_path / "other.npy", path)
    for _ in range(2):
        (batch,) = (batch for batch, _ in rows.tf_dataset(20).as_numpy_iterator())
        np.testing.assert_array_equal(batch, images)
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("augment", [True, "flip"])
def test_the_flip_mirrors_about_half_of_the_images_exactly(augment):
    images = lopsided(400)
    dataset = Split(images, np.arange(400)).tf_dataset(50, augment=augment, seed=0)
    epochs = []
    for _ in range(2):
        result = np.concatenate([batch for batch, _ in dataset.as_numpy_iterator()])
        assert result.dtype == "uint8"
        same = (result == images).all(axis=(1, 2, 3))
        mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (same ^ mirrored).all()
        assert 150 < mirrored.sum() < 250
        epochs.append(mirrored)
    assert (epochs[0] != epochs[1]).any()


def test_the_default_augmentation_is_the_sets_own():
    def flips(training, flip_in_training, augment=None):
        images = np.zeros((64, 2, 2, 1), "uint8")
        images[:, :, 0] = 1
        dataset = Split(images, np.arange(64), flip_in_training).tf_dataset(
            64, training, augment, seed=1
        )
        ((batch, _),) = dataset.as_numpy_iterator()
        return (batch[:, 0, 0, 0] == 0).any()

    assert flips(training=True, flip_in_training=True)
    assert not flips(training=False, flip_in_training=True)
    assert not flips(training=True, flip_in_training=False)
    assert not flips(training=True, flip_in_training=True, augment=False)


def test_callables_and_layers_augment():
    rows = numbered(6)
    (batch,) = (b for b, _ in rows.tf_dataset(6, augment=lambda x: x + 1).as_numpy_iterator())
    np.testing.assert_array_equal(batch, rows.images + 1)
    (batch,) = (
        b
        for b, _ in rows.tf_dataset(6, augment=lambda x: tf.cast(x, "float32")).as_numpy_iterator()
    )
    assert batch.dtype == "float32"
    layer = keras.layers.Rescaling(1.0, offset=250.6)
    (batch,) = (b for b, _ in rows.tf_dataset(6, augment=layer).as_numpy_iterator())
    np.testing.assert_array_equal(batch[:, 0, 0, 0], [251, 252, 253, 254, 255, 255])
    assert batch.dtype == "uint8"
    with pytest.raises(ValueError, match="`augment` must be .* Received: augment='mirror'"):
        rows.tf_dataset(augment="mirror")


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 2**40])
def test_without_keras_cv_the_same_images_are_flipped(seed, monkeypatch):
    split = Split(lopsided(50), np.arange(50), flip_in_training=True)

    def epochs():
        dataset = split.tf_dataset(8, training=True, seed=seed)
        assert dataset.element_spec[0].shape == (8, 4, 5, 3)
        return [images for _ in range(2) for images, _ in dataset.as_numpy_iterator()]

    with_keras_cv = epochs()
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    np.testing.assert_array_equal(epochs(), with_keras_cv)
    parts = [images for images, _ in split.tf_dataset(8, augment="flip").as_numpy_iterator()]
    assert [len(images) for images in parts] == [8] * 6 + [2]


@pytest.mark.slow
@pytest.mark.backend_free
def test_keras_cv_is_imported_for_the_flip_alone():
    script = (
        "import sys, numpy as np, keras_tsvae\n"
        "split = keras_tsvae.data.Split(np.zeros((8, 2, 2, 1), 'uint8'), np.arange(8))\n"
        "list(split.tf_dataset(4, training=True))\n"
        "assert 'keras_cv' not in sys.modules\n"
        "list(split.tf_dataset(4, augment='flip'))\n"
        "assert 'keras_cv' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.backend_free
def test_bad_arguments():
    with pytest.raises(ValueError, match="split must not be empty"):
        numbered(0).tf_dataset()
    with pytest.raises(ValueError, match="`batch_size` must not exceed .* batch_size=7 for 6"):
        numbered(6).tf_dataset(7, training=True)
    assert int(numbered(6).tf_dataset(7).cardinality()) == 1
    for size in (0, -1, 2.5, "8"):
        with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
            numbered(6).tf_dataset(size)
    with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
        numbered(6).tf_dataset(2, seed=-1)


@pytest.mark.backend_free
def test_bad_images_and_labels():
    with pytest.raises(ValueError, match="`images` must be a uint8 array .* dtype=float32"):
        Split(np.zeros((3, 4, 4, 1), "float32"), np.arange(3))
    with pytest.raises(ValueError, match=r"`images` must be .* shape=\(3, 4, 4\)"):
        Split(np.zeros((3, 4, 4), "uint8"), np.arange(3))
    with pytest.raises(ValueError, match=r"`labels` must be as many .*\(2,\) for 3 images"):
        Split(np.zeros((3, 4, 4, 1), "uint8"), np.arange(2))
    assert repr(numbered(3)) == "Split(n=3, image_shape=(2, 3, 1))"
