"""Files that earlier versions wrote still load, and give what they gave."""

import pathlib
import shutil
import zipfile

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests.golden import exact
from tests.golden.write import Z, outputs

GOLDEN = pathlib.Path(__file__).parent / "golden"
FOLDERS = sorted(path.parent for path in GOLDEN.glob("*/expected.npz"))
EXACT = sorted(path.parent for path in GOLDEN.glob("*/tensorflow.npz"))
pytestmark = [pytest.mark.usefixtures("optimized_graphs"), pytest.mark.slow]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


@pytest.fixture
def expected(folder):
    return np.load(folder / "expected.npz")


def close(received, expected, tolerance=1e-5):
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["two_stage", "preset"])
def test_whole_models(folder, expected, name):
    model = keras.saving.load_model(folder / f"{name}.keras")
    for key, value in outputs(name, model, expected["images"]).items():
        close(value, expected[key])
    assert model.first_stage.compiled and model.second_stage.compiled
    steps = {"two_stage": 8, "preset": 4}[name]
    assert int(model.first_stage.optimizer.iterations) == steps
    if name == "two_stage":
        model.require_mixture()
    if name == "two_stage" and keras.backend.backend() == "tensorflow":  # whose noise it was
        for stage in (1, 2, "mixture"):
            close(model.sample(3, stage=stage, seed=5), expected[f"two_stage_sample_{stage}"])


def test_single_stages(folder, expected):
    first = keras.saving.load_model(folder / "first_stage.keras")
    mean, std = first.encode(expected["images"])
    close(mean, expected["two_stage_mean"])
    close(std, expected["two_stage_std"])
    second = keras.saving.load_model(folder / "second_stage.keras")
    z = Z[:, :4]
    close(second.decode(z), expected["two_stage_second_decode"])


def test_conditional_models(folder, expected):
    model = keras.saving.load_model(folder / "conditional.keras")
    z = Z[:, :4]
    close(model.decode(z, condition=expected["condition"]), expected["conditional_decode"])
    np.testing.assert_array_equal(
        model.infer_condition(expected["images"]), expected["conditional_inferred"]
    )
    assert model.sample(2, condition={"a": 1}, seed=0).shape == (2, 8, 8, 1)
    if keras.backend.backend() == "tensorflow":
        samples = model.sample(3, seed=5, condition=expected["condition"])
        close(samples, expected["conditional_sample"])


def test_judges_and_references(folder, expected):
    judge = keras.saving.load_model(folder / "judge.keras")
    features = keras.ops.convert_to_numpy(judge(expected["images"]))
    close(features, expected["judge_features"])
    reference = tsvae.metrics.ReferenceStatistics.load(folder / "reference.npz", judge)
    assert reference.num_samples == 64 and reference.image_shape == (8, 8, 1)
    close(reference.statistics.mean, expected["reference_mean"])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own format")
def test_saved_models(folder, expected, tmp_path):
    import tensorflow as tf

    with zipfile.ZipFile(folder / "saved_model.zip") as archive:
        archive.extractall(tmp_path)
    model = tf.saved_model.load(str(tmp_path))
    close(model.sample(3, seed=5), expected["two_stage_sample_2"])
    close(model.sample_stage1(3, seed=5), expected["two_stage_sample_1"])
    close(model.encode(expected["images"])[0], expected["two_stage_mean"])


@pytest.fixture(params=EXACT, ids=lambda folder: folder.name)
def exact_folder(request):
    return request.param


@pytest.fixture
def check_bits(exact_folder):
    """Compares outputs with those kept: bit for bit where this machine computes as the writer's."""
    kept = np.load(exact_folder / f"{keras.backend.backend()}.npz")
    here = exact.arithmetic()
    same = all(np.array_equal(value, kept[f"arithmetic/{key}"]) for key, value in here.items())

    def check(name, found):
        assert {f"{name}/{key}" for key in found} == {
            key for key in kept if key.startswith(f"{name}/")
        }
        for key, value in found.items():
            expected = kept[f"{name}/{key}"]
            assert value.dtype == expected.dtype and value.shape == expected.shape
            if same or expected.dtype.kind in "iuU":
                np.testing.assert_array_equal(value, expected, err_msg=key)
            else:
                close(value, expected, 1e-6)

    return check


@pytest.mark.parametrize("name", exact.MODELS)
def test_models_to_the_last_bit(exact_folder, check_bits, name):
    model = keras.saving.load_model(exact_folder / f"{name}.keras")
    check_bits(name, {"digest": np.array(exact.digest(model)), **exact.outputs(name, model)})


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own format")
def test_saved_models_to_the_last_bit(exact_folder, check_bits, tmp_path):
    import tensorflow as tf

    shutil.unpack_archive(exact_folder / "saved_model.zip", tmp_path)
    check_bits("saved_model", exact.saved_outputs(tf.saved_model.load(str(tmp_path))))
