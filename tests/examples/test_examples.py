"""The example scripts run from end to end, with tiny networks."""

import keras
import numpy as np
import pytest

from tests import tiny
from tests.examples.scripts import ONE_ON_JAX, SHORT, check_written

pytestmark = pytest.mark.slow

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


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
    check_written(tmp_path / "out", printed)
    assert "stage1_active_units" in printed


@ONE_ON_JAX
def test_a_training_goes_on_where_it_stopped(run, tmp_path):
    images = tiny.images(70, (28, 28, 1))
    arrays = {"x_train": images, "x_test": images}
    arrays |= {"y_train": np.arange(70) % 2, "y_test": np.arange(70) % 2}
    np.savez(tmp_path / "mnist.npz", **{k: v.astype("uint8") for k, v in arrays.items()})
    data = ("--preset", "mnist_infogan", "--data-dir", tmp_path, "--gamma", "optimal")
    data += ("--second-stage-gamma", "computed", "--dtype-policy", "mixed_bfloat16")
    data += ("--learning-rate", 1e-4)
    check_written(tmp_path / "out", run("mnist", *data, *SHORT))
    longer = ("--epochs", 3, "--second-stage-epochs", 2, "--samples", 40)
    run("mnist", *data, *longer)
    for name, epochs in (("stage1", 3), ("stage2", 2)):
        log = np.genfromtxt(tmp_path / "out" / f"{name}.csv", delimiter=",", names=True)
        assert log["epoch"].tolist() == list(range(epochs))
    model = keras.saving.load_model(tmp_path / "out" / "model.keras")
    assert [s.gamma_mode for s in model.stages().values()] == ["optimal", "computed"]
    assert model.first_stage.encoder.compute_dtype == "bfloat16"
    assert not model.compiled  # the backup has the optimisers
    for option, value in (("--limit", 40), ("--dtype-policy", "float32")):
        with pytest.raises(ValueError, match="`restart=True` begins anew"):
            run("mnist", *data, *longer, option, value)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", -1], "`epochs` must be an integer of at least 0"),
        (["--limit", 10], "--limit must be at least 32, the preset's batch size"),
        (["--learning-rate", 0], "`learning_rate` must be a positive number"),
        (["--gamma", "best"], "`gamma` must be 'learned', 'computed', 'optimal' or a number"),
        (["--dtype-policy", "half"], "Cannot convert 'half' to a mixed precision DTypePolicy"),
        (["--samples", 3], "--samples must be at least 4"),
        (["--inception", "nowhere.pth"], "`weights` must be"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message, run, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run("mnist", *arguments)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@ONE_ON_JAX
def test_celeba(run, celeba_folder, tmp_path):
    printed = run("celeba", "--preset", "celeba_infogan", "--data-dir", celeba_folder, *SHORT)
    check_written(tmp_path / "out", printed)
