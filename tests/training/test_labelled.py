import numpy as np
import pytest

from keras_tsvae.conditions import Attributes
from keras_tsvae.training import inputs
from keras_tsvae.training.labelled import LabelledImages
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


def test_a_users_data_set_keeps_its_workers():
    dataset = Batches(IMAGES, BINARY)
    dataset.workers, dataset.max_queue_size = 3, 7
    data = LabelledImages(dataset, None, Attributes(size=3).encode, tiny.IMAGE_SHAPE, 3).data()
    checked = inputs.images_for_fit(data, None, tiny.IMAGE_SHAPE, condition_dim=3)
    assert (checked.workers, checked.max_queue_size) == (3, 7)
