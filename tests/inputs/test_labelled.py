import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import inputs
from keras_tsvae.conditions import Attributes
from keras_tsvae.inputs.labelled import LabelledImages
from tests import tiny
from tests.conditions import toy
from tests.models.test_conditional_training import Batches, tf_data

IMAGES, ATTRIBUTES = toy.data(48)
BINARY = (ATTRIBUTES + 1) // 2
FORMS = {
    "arrays": lambda: (IMAGES, BINARY),
    "PyDataset": lambda: (Batches(IMAGES, BINARY), None),
    "tf.data": lambda: (tf_data(IMAGES, BINARY), None),
}


def labelled(form):
    return LabelledImages(*FORMS[form](), Attributes(size=3).encode, tiny.IMAGE_SHAPE, 3)


def pairs(data):
    batches = inputs.example_batches(data.data(), 16, tiny.IMAGE_SHAPE, 3)
    return tuple(np.concatenate(parts) for parts in zip(*batches))


@pytest.mark.parametrize("form", FORMS)
def test_labels_come_out_as_codes_beside_their_images(form):
    data = labelled(form)
    images, codes = pairs(data)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(codes, ATTRIBUTES)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(list(data.all_codes())), ATTRIBUTES)


@pytest.mark.parametrize("form", FORMS)
def test_corrections_see_images_and_codes_and_leave_the_original_alone(form):
    def brightest(images, codes):
        return np.where(images.max((1, 2, 3))[:, None] > 200, -codes, codes)

    data = labelled(form)
    _, codes = pairs(data.corrected(brightest))
    np.testing.assert_array_equal(codes, brightest(IMAGES, ATTRIBUTES))
    assert (codes != ATTRIBUTES).any()
    np.testing.assert_array_equal(pairs(data)[1], ATTRIBUTES)


def test_epochs_are_passed_on_to_a_users_data_set():
    class Counted(Batches):
        ended = 0

        def on_epoch_end(self):
            self.ended += 1

    dataset = Counted(IMAGES, BINARY)
    data = LabelledImages(dataset, None, Attributes(size=3).encode, tiny.IMAGE_SHAPE, 3)
    inputs.images_for_fit(data.data(), None, tiny.IMAGE_SHAPE, condition_dim=3).on_epoch_end()
    assert dataset.ended == 1


def test_a_fit_tells_a_users_data_set_of_its_epochs():
    class Told(keras.utils.PyDataset):
        begun = ended = 0

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return tiny.images(4, seed=index)

        def on_epoch_begin(self):
            self.begun += 1

        def on_epoch_end(self):
            self.ended += 1

    dataset = Told()
    stage = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    stage.compile("sgd")
    stage.fit(dataset, epochs=3, verbose=0)
    assert dataset.begun == 3
    assert dataset.ended >= 3  # Keras by itself adds one at first


def test_streams_are_not_autotuned_unless_their_user_says_so():
    """Autotuning would have an epoch that is over wait for its next look."""
    tf = pytest.importorskip("tensorflow")
    stream = tf.data.Dataset.from_tensor_slices(IMAGES).batch(4)
    checked = inputs.images_for_fit(stream, None, tiny.IMAGE_SHAPE)
    assert checked.options().autotune.enabled is False
    options = tf.data.Options()
    options.autotune.enabled = True
    checked = inputs.images_for_fit(stream.with_options(options), None, tiny.IMAGE_SHAPE)
    assert checked.options().autotune.enabled is True


def test_a_users_data_set_keeps_its_workers():
    dataset = Batches(IMAGES, BINARY)
    dataset.workers, dataset.max_queue_size = 3, 7
    data = LabelledImages(dataset, None, Attributes(size=3).encode, tiny.IMAGE_SHAPE, 3).data()
    checked = inputs.images_for_fit(data, None, tiny.IMAGE_SHAPE, condition_dim=3)
    assert (checked.workers, checked.max_queue_size) == (3, 7)
