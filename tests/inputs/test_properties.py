"""Whatever is given for images trains, or is refused by name before it does."""

import warnings

import hypothesis
import keras
import ml_dtypes
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import inputs
from tests import tiny
from tests.inputs import forms
from tests.properties import examples, refused


@pytest.fixture(scope="module")
def stage():
    made = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    made.compile(keras.optimizers.SGD(1e-3))
    return made


def read(x):
    """Reads all batches that a fit would, and checks that they are as they must."""
    with inputs.clear_errors():
        size = 2 if inputs.as_images(x).is_array else None
        batches = inputs.images_for_fit(x, size, tiny.IMAGE_SHAPE)
        if hasattr(batches, "as_numpy_iterator"):
            batches = list(batches.as_numpy_iterator())
        else:
            batches = [batches[index] for index in range(batches.num_batches)]
    for (batch,) in batches:
        assert batch.shape[1:] == tiny.IMAGE_SHAPE and len(batch) and batch.dtype.isnative
        assert batch.dtype == "uint8" or (batch.min() >= 0 and batch.max() <= 1)


@examples(150)
@hypothesis.given(forms.images())
def test_images_are_read_whole_or_refused_by_name(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(lambda: read(x))


@pytest.mark.slow
def test_what_is_not_refused_trains(stage):
    before = stage.get_weights()

    @examples(25)
    @hypothesis.given(forms.images())
    def check(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = {"batch_size": 2} if isinstance(x, np.ndarray) else {}
            if refused(lambda: stage.fit(x, **size, verbose=0)):
                for now, old in zip(stage.get_weights(), before, strict=True):
                    assert np.isfinite(now).all() and now.shape == old.shape

    check()


@pytest.mark.parametrize("order", [">f4", ">f8"])
def test_other_orders_of_bytes_are_read_as_they_are_meant(order, stage):
    x = tiny.images(8) / np.float32(255)
    np.testing.assert_allclose(stage.encode(x.astype(order))[0], stage.encode(x)[0], rtol=1e-5)
    stage.fit(x.astype(order), batch_size=4, verbose=0)


REFUSED = {  # each was something else once
    "no part": ((), "a tuple of 0"),
    "longdouble": (np.zeros((4, 8, 8, 1), "longdouble"), "dtype="),
    "four bits": (np.zeros((4, 8, 8, 1), ml_dtypes.float4_e2m1fn), "dtype=float4"),
    "a negative length": (forms.Loader([], -1), "of known length"),
}


@pytest.mark.parametrize("x, reason", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(x, reason, stage):
    for door in (stage.encode, stage.posteriors, lambda x: stage.fit(x, verbose=0)):
        with pytest.raises(ValueError, match=f"`x` must.*{reason}"):
            door(x)


@pytest.mark.parametrize("dtype, value", [("longdouble", 0.1), ("float64", 1e300)])
def test_posteriors_that_no_backend_can_take(dtype, value):
    array = np.full((4, 3), value, dtype)
    with pytest.raises(ValueError, match="`mean` and `std` must be"):
        tsvae.Posteriors(array, array)
    with pytest.raises(ValueError, match="`condition` must be finite"):
        tsvae.Posteriors(np.ones((4, 3)), np.ones((4, 3)), np.full((4, 1), 1e300))
    with pytest.raises(ValueError, match="`std` must have rows of one length"):
        tsvae.Posteriors(np.ones((2, 3)), [[1, 2, 3], [1]])
    swapped = tsvae.Posteriors(np.ones((4, 3), ">f4"), np.ones((4, 3), ">f4"))
    assert swapped.mean.dtype.isnative
