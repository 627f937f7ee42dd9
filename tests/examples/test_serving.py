"""The requests of `examples/serve` are those that the SavedModel's signatures take."""

import json
import re

import keras
import numpy as np
import pytest

from tests.conditions import toy
from tests.examples.scripts import EXAMPLES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="serves SavedModels"),
]
TEXT = (EXAMPLES / "serve" / "README.md").read_text()
REQUESTS = {
    name: json.loads(text)
    for name, text in re.findall(r"<!-- (\w+) -->\n```json\n(.+?)```", TEXT, re.DOTALL)
}


def answered(loaded, request):
    """What TensorFlow Serving answers: each input has the signature's name, type and rank."""
    signature = loaded.signatures[request["signature_name"]]
    specs = signature.structured_input_signature[1]
    assert request.keys() == {"signature_name", "inputs"} and request["inputs"].keys() == {*specs}
    import tensorflow as tf

    tensors = {}
    for name, spec in specs.items():
        value = np.array(request["inputs"][name])
        assert spec.shape.is_compatible_with(value.shape)
        assert spec.dtype.is_floating or value.dtype.kind == "i"
        tensors[name] = tf.constant(value, spec.dtype)
    return signature(**tensors)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    model = toy.linear(seen=toy.ROWS.astype("float32"))
    folder = tmp_path_factory.mktemp("served") / "1"
    model.export(folder)
    return model, tf.saved_model.load(str(folder))


def test_the_page_has_a_request_for_each_kind_of_function():
    assert [*REQUESTS] == ["sample", "decode", "sample_conditioned"]
    assert f"-d '{json.dumps(REQUESTS['sample'])}'" in TEXT


def test_the_requests_are_answered_as_the_model_answers(loaded):
    model, served = loaded
    images = answered(served, REQUESTS["sample"])["images"]
    np.testing.assert_allclose(images, model.sample(2, seed=0), atol=1e-5)
    given = {**REQUESTS["decode"], "inputs": {**REQUESTS["decode"]["inputs"]}}
    given["inputs"]["condition"] = [[1, -1, -1]] * 2  # as a conditional model wants it
    images = answered(served, given)["images"]
    np.testing.assert_allclose(images, model.decode(given["inputs"]["z"]), atol=1e-5)
    images = answered(served, REQUESTS["sample_conditioned"])["images"]
    asked = [{"north_west": 1, "north_east": -1}, dict(zip(toy.NAMES, (-1, 1, 1)))]
    np.testing.assert_allclose(images, model.sample(2, seed=0, condition=asked), atol=1e-5)
    names = answered(served, {"signature_name": "condition_names", "inputs": {}})["names"]
    assert [name.decode() for name in names.numpy()] == [*toy.NAMES]
