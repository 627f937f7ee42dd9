import keras
import numpy as np
import pytest

from keras_tsvae.metrics.inception import blocks as inception_blocks
from keras_tsvae.metrics.inception.network import inception_network
from keras_tsvae.metrics.inception.tf1_bilinear_resize import TF1BilinearResize
from tests.harness import call, check_serializable, flat
from tests.metrics.inception.reference import average, convolved, maximum, resized

RNG = np.random.default_rng(0)
KERNEL_NUMBERS = 23_815_520  # of the published file's convolutions and dense layer
OBLONG = {  # heights and widths of its kernels that are not square
    "6e.branch7x7_2": (1, 7),
    "6e.branch7x7_3": (7, 1),
    "6e.branch7x7dbl_2": (7, 1),
    "6e.branch7x7dbl_3": (1, 7),
    "6e.branch7x7dbl_4": (7, 1),
    "6e.branch7x7dbl_5": (1, 7),
    "7a.branch7x7x3_2": (1, 7),
    "7a.branch7x7x3_3": (7, 1),
    "7c.branch3x3_2a": (1, 3),
    "7c.branch3x3_2b": (3, 1),
    "7c.branch3x3dbl_3a": (1, 3),
    "7c.branch3x3dbl_3b": (3, 1),
}


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (1, 1, 1, 1), (1, 31, 20, 1), (1, 12, 40, 2)])
def test_the_resize_is_its_formula(shape):
    images = RNG.integers(0, 256, shape).astype("uint8")
    found = flat(call(TF1BilinearResize(12), (images,)))[0]
    assert found.dtype == np.float32 and found.shape == (shape[0], 12, 12, shape[3])
    np.testing.assert_allclose(found, resized(images, 12), atol=1e-4)


def test_the_resize_by_hand():
    row = np.array([[0.0, 10.0]], "float32").reshape(1, 1, 2, 1)
    doubled = flat(TF1BilinearResize(4)(row))[0][0, :, :, 0]
    np.testing.assert_array_equal(doubled, [[0.0, 5.0, 10.0, 10.0]] * 4)
    four = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(flat(TF1BilinearResize(4)(four))[0], four)
    halved = flat(TF1BilinearResize(2)(four))[0][0, :, :, 0]
    np.testing.assert_array_equal(halved, [[0.0, 2.0], [8.0, 10.0]])


def test_the_resize_round_trips(tmp_path):
    images = RNG.random((2, 6, 7, 3)).astype("float32")
    layer = check_serializable(lambda: TF1BilinearResize(5), images, tmp_path)
    assert layer.compute_output_shape((None, 6, 7, 3)) == (None, 5, 5, 3)
    with pytest.raises(ValueError, match="`size` must be a positive integer"):
        TF1BilinearResize(0)


class Reference:
    """Runs a block's branches in NumPy with the model's weights."""

    def __init__(self, model, name):
        self.layers = {layer.name: layer for layer in model.layers if layer.weights}
        self.name = name
        for layer in self.layers.values():
            fan_in = np.prod(layer.kernel.shape[:3])
            kernel = RNG.normal(0, np.sqrt(2 / fan_in), layer.kernel.shape)
            layer.set_weights([kernel, RNG.normal(0, 0.3, layer.bias.shape)])

    def __call__(self, x, *branches):
        for branch in branches:
            branch, *halving = branch.split()
            kernel, bias = (
                keras.ops.convert_to_numpy(value).astype("float64")
                for value in self.layers.pop(f"{self.name}.{branch}").weights
            )
            steps = {"strides": 2, "padding": "valid"} if halving else {}
            x = np.maximum(convolved(x, kernel, **steps) + bias, 0)
        return x


def chain(name, count, *rest):
    return [f"{name}_{number}" for number in range(1, count + 1)] + list(rest)


def reference_a(run, x):
    return [
        run(x, "branch1x1"),
        run(x, *chain("branch5x5", 2)),
        run(x, *chain("branch3x3dbl", 3)),
        run(average(x), "branch_pool"),
    ]


def reference_b(run, x):
    return [
        run(x, "branch3x3 /2"),
        run(x, *chain("branch3x3dbl", 2, "branch3x3dbl_3 /2")),
        maximum(x),
    ]


def reference_c(run, x):
    return [
        run(x, "branch1x1"),
        run(x, *chain("branch7x7", 3)),
        run(x, *chain("branch7x7dbl", 5)),
        run(average(x), "branch_pool"),
    ]


def reference_d(run, x):
    return [
        run(x, "branch3x3_1", "branch3x3_2 /2"),
        run(x, *chain("branch7x7x3", 3, "branch7x7x3_4 /2")),
        maximum(x),
    ]


def reference_e(run, x, pool):
    one, two = run(x, "branch3x3_1"), run(x, *chain("branch3x3dbl", 2))
    pooled = average(x) if pool == "average" else maximum(x, 1, "same")
    return [
        run(x, "branch1x1"),
        *(run(one, f"branch3x3_2{side}") for side in "ab"),
        *(run(two, f"branch3x3dbl_3{side}") for side in "ab"),
        run(pooled, "branch_pool"),
    ]


@pytest.mark.parametrize(
    "letter, arguments",
    [("a", (32,)), ("b", ()), ("c", (16,)), ("d", ()), ("e", ("average",)), ("e", ("max",))],
)
def test_a_block_is_its_branches(letter, arguments):
    symbol = keras.Input((5, 6, 4))
    block = getattr(inception_blocks, f"block_{letter}")
    model = keras.Model(symbol, block(symbol, "block", *arguments))
    run = Reference(model, "block")
    x = RNG.normal(-1.0, 1.0, (2, 5, 6, 4)).astype("float32")  # a padding of 0 would be seen
    reference = globals()[f"reference_{letter}"]
    expected = reference(run, x, *(arguments if letter == "e" else ()))
    found = flat(call(model, (x,)))[0]
    np.testing.assert_allclose(found, np.concatenate(expected, -1), atol=1e-4)
    assert not run.layers  # all were used


def test_the_whole_network_has_its_layers():
    model = inception_network("logits")
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    assert len(layers) == 95 and model.output_shape == (None, 1008)
    assert sum(np.prod(layer.kernel.shape) for layer in layers.values()) == KERNEL_NUMBERS
    assert layers["Mixed_6c.branch7x7dbl_4"].kernel.shape == (7, 1, 160, 160)
    assert layers["Mixed_7c.branch_pool"].kernel.shape == (1, 1, 2048, 192)
    for name, sides in OBLONG.items():
        assert layers[f"Mixed_{name}"].kernel.shape[:2] == sides
    for name, pool in (("7b", keras.layers.AveragePooling2D), ("7c", keras.layers.MaxPooling2D)):
        source = layers[f"Mixed_{name}.branch_pool"].input._keras_history.operation
        assert isinstance(source, pool)
