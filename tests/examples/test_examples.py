"""The example scripts run from end to end: the demo as it is, the others with tiny networks."""

import json
import os
import pathlib
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_tsvae import ConditionalTwoStageVAE, presets
from keras_tsvae.metrics import ClassifierFeatures
from keras_tsvae.models.condition_recognizer import ConditionRecognizer
from tests import tiny
from tests.data import faces

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SHORT = ["--epochs", "1", "--second-stage-epochs", "1", "--samples", "40"]
WRITTEN = [
    "curves.png",
    "judge.keras",
    "reconstructions.png",
    "samples.png",
    "stage1.csv",
    "stage2.csv",
]
TENSORFLOW = keras.backend.backend() == "tensorflow"
WRITTEN += ["saved_model"] if TENSORFLOW else []


def check_written(output, printed, *further):
    assert {path.name for path in output.iterdir()} == {*WRITTEN, *further}
    assert all(name in printed for name in WRITTEN if name != "judge.keras")
    table = printed[printed.rindex("FID") :]
    for row in ("training images", "reconstruction", "stage 1", "stage 2", "mixture"):
        assert row in table


@pytest.mark.skipif(not TENSORFLOW, reason="the demo is run once, where it exports a SavedModel")
def test_digits_writes_everything_it_names(tmp_path):
    few = [*SHORT, "--limit", "130", "--output", str(tmp_path / "out")]
    command = [sys.executable, EXAMPLES / "digits.py", *few]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    check_written(tmp_path / "out", done.stdout, "digits.keras", "saved_model_samples.png")
    model = keras.saving.load_model(tmp_path / "out" / "digits.keras")
    assert model.sample(2, stage="mixture").shape == (2, 8, 8, 1)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs an example here, its networks made tiny; returns what it printed."""
    real = presets.get

    def tiny_preset(name, **overrides):
        small = {"base_dim": 2, "fc_dim": 8, "latent_dim": 4, "second_stage_width": 8}
        small |= {"second_stage_depth": 1, "batch_size": 32, "optimizer": "sgd"}
        small |= {"network": "infogan", "num_scale": None}  # the fastest to compile
        return real(name, **{**small, **overrides})

    def run_script(name, *arguments):
        command = [name, "--output", tmp_path / "out", *arguments]
        monkeypatch.setattr(sys, "argv", [str(part) for part in command])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    def untrained_judge(images, labels, verbose):
        has_classes = labels.ndim == 1
        outputs = labels.max() + 1 if has_classes else labels.shape[1]
        return ClassifierFeatures(images.shape[1:], int(outputs), has_classes=has_classes)

    monkeypatch.setattr(presets, "get", tiny_preset)
    monkeypatch.setattr(ClassifierFeatures, "fit", untrained_judge)
    monkeypatch.syspath_prepend(EXAMPLES)
    return run_script


ONE_ON_JAX = pytest.mark.skipif(not TENSORFLOW, reason="on JAX, one script stands for all")


@pytest.mark.parametrize(
    "name, preset, shape",
    [
        ("fashion_mnist", "fashion_mnist_infogan", (28, 28)),
        pytest.param("cifar10", "cifar10_infogan", (32, 32, 3), marks=ONE_ON_JAX),
    ],
)
def test_small_pictures(name, preset, shape, run, tmp_path):
    images, labels = tiny.images(120, (*shape, 1)[:3]), np.arange(120) % 10
    arrays = {"x_train": images.reshape(-1, *shape), "y_train": labels}
    arrays |= {"x_test": images[:70].reshape(-1, *shape), "y_test": labels[:70]}
    np.savez(tmp_path / f"{name}.npz", **arrays)
    printed = run(name, "--preset", preset, "--data-dir", tmp_path, "--limit", 100, *SHORT)
    check_written(tmp_path / "out", printed, f"{preset}.keras")
    assert "stage1_active_units" in printed


@ONE_ON_JAX
def test_a_training_goes_on_where_it_stopped(run, tmp_path):
    images = tiny.images(70, (28, 28, 1))
    arrays = {"x_train": images, "x_test": images}
    arrays |= {"y_train": np.arange(70) % 2, "y_test": np.arange(70) % 2}
    np.savez(tmp_path / "mnist.npz", **{k: v.astype("uint8") for k, v in arrays.items()})
    data = ("--preset", "mnist_infogan", "--data-dir", tmp_path)
    check_written(tmp_path / "out", run("mnist", *data, *SHORT), "mnist_infogan.keras")
    longer = ("--epochs", 3, "--second-stage-epochs", 2, "--learning-rate", 1e-4)
    run("mnist", *data, "--resume", *longer)
    for name, epochs in (("stage1", 3), ("stage2", 2)):
        log = np.genfromtxt(tmp_path / "out" / f"{name}.csv", delimiter=",", names=True)
        assert log["epoch"].tolist() == list(range(epochs))
    model = keras.saving.load_model(tmp_path / "out" / "mnist_infogan.keras")
    optimizers = [stage.optimizer for stage in model.stages().values()]
    iterations = [int(keras.ops.convert_to_numpy(o.iterations)) for o in optimizers]
    assert iterations == [3 * 2, 2 * 2]
    # The schedule is that of the longer training, at whose end the rate is zero.
    assert all(np.isclose(float(o.learning_rate), 0) for o in optimizers)
    schedule = optimizers[0].get_config()["learning_rate"]["config"]
    assert (schedule["decay_steps"], schedule["initial_learning_rate"]) == (3 * 2, 1e-4)
    with pytest.raises(SystemExit, match="--limit must be as before"):
        run("mnist", *data, "--resume", *longer, "--limit", 40)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", -1], "`epochs` must be an integer of at least 0"),
        (["--limit", 10], "--limit must be at least 32, the preset's batch size"),
        (["--learning-rate", 0], "`learning_rate` must be a positive number"),
        (["--samples", 3], "--samples must be at least 4"),
        (["--inception", "nowhere.pth"], "`weights` must be"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message, run, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run("mnist", *arguments)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def run_conditional(run, monkeypatch):
    """As `run`, without what has tests of its own: the SavedModel, and training the recognizer."""
    monkeypatch.setattr(ConditionalTwoStageVAE, "export", lambda self, path: path.mkdir())
    monkeypatch.setattr(ConditionRecognizer, "train_on", lambda *args, **kwargs: None)
    return run


def check_obedience(output, printed, number):
    figures = json.loads((output / "obedience.json").read_text())
    assert len(figures["each"]) == number
    assert f"mean of {len(figures['visible'])} visible" in printed and "obedience" in printed


@ONE_ON_JAX
def test_conditional_mnist(run_conditional, tmp_path):
    images, labels = tiny.images(80, (28, 28, 1))[..., 0], np.arange(80) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "mnist.npz", **{k: v.astype("uint8") for k, v in arrays.items()})
    arguments = ("conditional_mnist", "--data-dir", tmp_path, "--gamma", "computed", *SHORT)
    output, printed = tmp_path / "out", run_conditional(*arguments)
    pictures = ("digits.png", "conditioned.png")
    check_written(output, printed, "mnist_conditional.keras", "obedience.json", *pictures)
    check_obedience(output, printed, 10)
    model = keras.saving.load_model(output / "mnist_conditional.keras")
    assert model.sample(2, condition=[3, 8]).shape == (2, 28, 28, 1)
    assert {stage.gamma_mode for stage in model.stages().values()} == {"computed"}
    for option, value in (("--gamma", "learned"), ("--base-dim", 4)):
        with pytest.raises(SystemExit, match=f"{option} must be as before"):
            run_conditional(*arguments, "--resume", option, value)


@pytest.fixture
def celeba_folder(tmp_path):
    folder = tmp_path / "faces"
    (folder / "img_align_celeba").mkdir(parents=True)
    for index in range(100):
        faces.picture_path(folder, index).write_bytes(faces.encoded(faces.picture(index)))
    faces.write_attributes(folder, np.random.default_rng(0).choice([-1, 1], (100, 40)))
    parts = [0] * 66 + [1] * 17 + [2] * 17
    faces.write_partition(folder, [f"{faces.name(i)} {part}" for i, part in enumerate(parts)])
    return folder


@ONE_ON_JAX
def test_celeba(run, celeba_folder, tmp_path):
    printed = run("celeba", "--preset", "celeba_infogan", "--data-dir", celeba_folder, *SHORT)
    check_written(tmp_path / "out", printed, "celeba_infogan.keras")


@ONE_ON_JAX
def test_conditional_celeba(run_conditional, celeba_folder, tmp_path):
    printed = run_conditional("conditional_celeba", "--data-dir", celeba_folder, *SHORT)
    output = tmp_path / "out"
    pictures = ("conditioned.png", "edits.png", "traversals.png")
    check_written(output, printed, "celeba_conditional.keras", "obedience.json", *pictures)
    check_obedience(output, printed, 40)


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda script: script.stem)
def test_every_script_is_short_and_the_trainings_say_how_long_they_take(script):
    text = script.read_text()
    assert len(text.splitlines()) < 100
    if "experiment.arguments" in text:
        assert "minutes" in text.split('"""')[1]
