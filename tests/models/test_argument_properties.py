"""Whatever is given to a trained model's functions works, or is refused by name."""

import warnings

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import keras_tsvae as tsvae
from keras_tsvae.conditions import Attributes, JointConditions
from tests import tiny
from tests.inputs import forms
from tests.properties import ODD, examples, mostly, refused

pytestmark = pytest.mark.slow

FEW, SIZE = mostly(st.sampled_from((1, 2))), mostly(st.just(2))
STAGE, ANY = mostly(st.sampled_from((1, 2, "mixture"))), st.sampled_from(ODD)
ASKED, WHOLE = mostly(st.sampled_from(({"a": 1}, [1, 1, -1]))), mostly(st.just([1, 1, -1]))
IMAGES, VECTORS = forms.images(), st.one_of(ANY, forms.arrays(), st.just(np.zeros((2, 2))))


def call(name, required, **optional):
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: (name, given))


CALLS = st.one_of(
    call("sample", {"n": FEW}, stage=STAGE, seed=ANY, condition=ASKED, strength=ANY),
    call("draw_conditions", {"n": FEW}, seed=ANY, condition=ASKED),
    call("edit", {"images": IMAGES, "change": ASKED, "condition": WHOLE}, strength=ANY),
    call("traverse", {"image": IMAGES, "name": mostly(st.just("a")), "steps": SIZE,
                      "condition": WHOLE}),
    call("decode", {"z": VECTORS}, batch_size=SIZE),
    call("reconstruct", {"x": IMAGES, "condition": WHOLE}, batch_size=SIZE),
    call("encode", {"x": IMAGES}, batch_size=SIZE),
    call("interpolate", {"a": IMAGES, "b": IMAGES, "steps": SIZE}),
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    second = tsvae.SecondStageVAE(2, width=4, depth=1, condition_dim=3)
    made = tsvae.ConditionalTwoStageVAE(first, second, Attributes(("a", "b", "c")))
    made.build((None, *tiny.IMAGE_SHAPE))
    made.joint = JointConditions.from_batches([np.float32([[1, 1, -1], [1, -1, 1]])])
    return made


def test_arguments_are_taken_or_refused_by_name(model):
    taken = set()

    @examples(150)
    @hypothesis.given(CALLS)
    def check(call):
        name, arguments = call

        def run():
            found = getattr(model, name)(**arguments)
            for array in found if isinstance(found, tuple) else (found,):
                assert np.isfinite(array).all()
            taken.add(name)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refused(run)

    check()
    assert len(taken) >= 5


def test_what_was_something_else_once(model):
    with pytest.raises(ValueError, match="`n` must be less than 2"):
        model.draw_conditions(2**64)
    for z in ([[1, 2], [1]], np.full((1, 2), 1e300)):
        with pytest.raises(ValueError, match="`z` must"):
            model.first_stage.decode(z)
    with pytest.raises(ValueError, match="`condition` must have shape"):
        model.second_stage.decode(np.zeros((2, 2)), condition=np.zeros((1, 3, 1)))
