"""The SavedModel, as processes without this package and without Keras see it."""

import subprocess
import sys
import tempfile

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy

pytestmark = pytest.mark.slow

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="export needs the TensorFlow backend"
)

# Uses a SavedModel where importing Keras or this package is an error, and shows its signatures.
SCRIPT = """
import sys
sys.modules.update(dict.fromkeys(["keras", "keras_tsvae", "tf_keras", "keras_core"]))
import numpy as np
import tensorflow as tf
from tensorflow.python.tools import saved_model_cli
model, images, path = sys.argv[1], np.load(sys.argv[2]), sys.argv[3]
loaded, again = (tf.saved_model.load(model) for _ in range(2))
signatures = loaded.signatures
results = {
    "stage2": loaded.sample(300, seed=5),
    "stage1": loaded.sample_stage1(300, seed=5),
    "signature": signatures["sample"](n=tf.constant(7), seed=tf.constant(5))["images"],
    "unseeded": loaded.sample(6),
    "unseeded_again": again.sample(6),
    "mean": loaded.encode(images)[0],
    "std": signatures["encode"](images=tf.cast(images, tf.float32) / 255)["std"],
    "reconstruction": loaded.reconstruct(images),
    "one": loaded.reconstruct(images[:1] / np.float32(255)),
    "decoded": loaded.decode(np.ones((3, 4), np.float32)),
}
assert not any(name.split(".")[0].startswith("keras") for name, m in sys.modules.items() if m)
np.savez(path, names=sorted(signatures), **{k: v.numpy() for k, v in results.items()})
sys.argv[1:] = ["show", "--dir", model, "--tag_set", "serve", "--signature_def", "sample"]
saved_model_cli.main()
"""


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model"
    fitted.export(path)
    return path


@pytest.fixture(scope="module")
def loaded(exported):
    import tensorflow as tf

    return tf.saved_model.load(str(exported))


@needs_tensorflow
def test_a_process_without_keras_gets_the_models_own_outputs(exported, fitted, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    arguments = map(str, (exported, tmp_path / "images.npy", tmp_path / "results.npz"))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
    )
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "results.npz")
    ours = {
        "stage2": fitted.sample(300, seed=5),
        "stage1": fitted.sample(300, stage=1, seed=5),
        "signature": fitted.sample(7, seed=5),
        "mean": fitted.encode(images)[0],
        "std": fitted.encode(images)[1],
        "reconstruction": fitted.reconstruct(images),
        "one": fitted.reconstruct(images[:1]),
        "decoded": fitted.decode(np.ones((3, 4))),
    }
    for key, value in ours.items():
        np.testing.assert_allclose(results[key], value, atol=1e-5, err_msg=key)
    assert list(results["names"]) == [
        "decode",
        "encode",
        "reconstruct",
        "sample",
        "sample_stage1",
        "serving_default",
    ]
    first, second = results["unseeded"], results["unseeded_again"]
    assert first.shape == (6, 8, 8, 1) and np.abs(first - second).max() > 1e-4
    assert "(-1, 8, 8, 1)" in done.stdout and "dtype: DT_INT32" in done.stdout


@needs_tensorflow
def test_no_global_seed_fixes_what_an_exported_model_draws(fitted, tmp_path):
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    fitted.export(tmp_path / "model")
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        loaded = tf.saved_model.load(str(tmp_path / "model"))
        draws.append(loaded.sample(4).numpy())
    assert np.abs(draws[0] - draws[1]).max() > 1e-4


@needs_tensorflow
def test_bad_numbers_are_refused_in_the_graph_too(loaded):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="`n` must be a positive integer"):
        loaded.sample(0, seed=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`seed` must be at least 0"):
        loaded.sample(1, seed=-5)


@needs_tensorflow
def test_numpys_default_types_are_taken(loaded, fitted, images):
    import tensorflow as tf

    for n in (np.int64(3), tf.constant(3, tf.int64), np.int32(3), 3):
        np.testing.assert_allclose(loaded.sample(n, seed=2), fitted.sample(3, seed=2), atol=1e-5)
    np.testing.assert_allclose(loaded.decode(np.zeros((2, 4))), fitted.decode(np.zeros((2, 4))))
    np.testing.assert_allclose(
        loaded.encode(images[:2] / 255.0)[0], fitted.encode(images[:2])[0], atol=1e-5
    )


@needs_tensorflow
def test_the_graph_has_no_training_leftovers(loaded, fitted):
    variables = loaded.tracked
    stages = (fitted.first_stage, fitted.second_stage)
    assert len(variables) == sum(len(stage.weights) for stage in stages)


@needs_tensorflow
def test_an_export_path_that_is_not_empty_is_refused(fitted, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="`filepath` must not exist, or be an empty folder"):
        fitted.export(tmp_path)
    with pytest.raises(ValueError, match="notes.txt"):
        fitted.export(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    (tmp_path / "empty").mkdir()
    fitted.export(str(tmp_path / "empty"))
    assert (tmp_path / "empty" / "saved_model.pb").exists()


SEEDS = [7, 2**31 + 5, 2**40 + 1, 2**63 - 1, np.int64(7), np.int64(2**40 + 1), np.int32(7)]
SEEDS += [np.uint32(2**32 - 1), np.uint64(2**63 + 3), np.int64(0)]


@needs_tensorflow
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{type(seed).__name__}-{seed}")
def test_seeds_of_every_type_give_the_models_images(loaded, fitted, seed):
    expected = fitted.sample(3, seed=int(seed))
    np.testing.assert_allclose(loaded.sample(3, seed=seed), expected, atol=1e-5)
    np.testing.assert_allclose(loaded.sample(np.int64(3), seed), expected, atol=1e-5)


@needs_tensorflow
@pytest.mark.parametrize("n", [0, -1, 2**31, 2**32 + 4])
def test_numbers_of_images_that_cannot_be_are_refused(loaded, n):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match=f"`n` must be .*{n}"):
        loaded.sample(n, seed=0)


@needs_tensorflow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_out_of_range_are_refused(loaded, images, dtype):
    import tensorflow as tf

    wrong = images[:2].astype(dtype)
    for bad in (wrong, wrong / 255 - 0.5, np.full_like(wrong, np.nan)):
        for function in (loaded.encode, loaded.reconstruct):
            with pytest.raises(tf.errors.InvalidArgumentError, match="`images` must hold finite"):
                function(bad)


@needs_tensorflow
@pytest.mark.parametrize("name", ["first", "second", "first of two", "judge", "recognizer"])
def test_a_part_of_a_model_is_exported_after_training(name, images, tmp_path):
    import tensorflow as tf

    z, codes = np.zeros((3, 4), "float32"), np.eye(3, dtype="float32")
    floats = (images[:3] / 255).astype("float32")
    model = {
        "first": lambda: tiny.first_stage(networks=tiny.residual_networks),
        "second": tiny.second_stage,
        "first of two": lambda: toy.model().first_stage,
        "judge": lambda: tsvae.metrics.ClassifierFeatures((8, 8, 1), 3, dimensions=4),
        "recognizer": lambda: toy.model().recognizer,
    }[name]()
    inputs = {"second": z, "first of two": [floats, codes]}.get(name, floats)
    if name == "first":
        model.fit(images, batch_size=48, verbose=0)
    model.export(tmp_path / "part", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "part"))
    np.testing.assert_allclose(loaded.serve(inputs), model(inputs, training=False), atol=1e-5)
    if name == "first":
        np.testing.assert_allclose(loaded.serve(floats), model.reconstruct(floats), atol=1e-5)


@needs_tensorflow
def test_a_part_that_is_not_built_is_not_exported(tmp_path):
    inputs = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    stage = tsvae.FirstStageVAE(inputs, keras.Sequential([keras.layers.Dense(4)]))
    with pytest.raises(ValueError, match="must be built before it can be exported"):
        stage.export(tmp_path / "part")
