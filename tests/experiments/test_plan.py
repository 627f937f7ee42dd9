"""What is chosen for pictures, wherever they come from."""

import numpy as np
import pytest

from keras_tsvae import experiments
from keras_tsvae.data import celeba_lists
from keras_tsvae.experiments.continuing import continued
from keras_tsvae.experiments.plan import plan
from tests import tiny
from tests.data import faces
from tests.experiments import folders

pytestmark = pytest.mark.backend_free
QUICK = {"epochs": 2, "second_stage_epochs": 3, "batch_size": 4, "verbose": 0}


@pytest.fixture
def pictures(tmp_path):
    return folders.write(tmp_path / "pictures", sides=(20, 30), n=40)


def test_a_folder_with_classes(pictures):
    made = plan(pictures, **QUICK)
    model, settings = made.experiment.model, made.experiment.data
    assert (model.conditions, model.condition_names) == ("classes", ("a", "b"))
    assert model.image_shape == (16, 16, 1) and model.train_size == 36
    assert (model.epochs, model.second_stage_epochs, made.estimate) == (2, 3, None)
    assert settings.kind == "folder" and settings.resize == "crop"
    assert made.facts["left_out"] == 2 and made.facts["num_test"] == 4
    wanted = {"image_size": 8, "channels": 3, "resize": "pad", "test_fraction": 0.5}
    made = plan(pictures, conditions="none", data_options=wanted, **QUICK)
    assert made.experiment.model.conditions is None and made.experiment.data.resize == "pad"
    assert made.data.train.images.shape == (20, 8, 8, 3)
    made = plan(pictures, preset="cifar10_fast", **QUICK)
    assert made.experiment.model.name == "cifar10_fast"
    assert made.data.image_shape == made.experiment.model.image_shape == (32, 32, 3)
    assert made.experiment.model.conditions is None  # as of that preset


def test_a_folder_with_attributes(pictures):
    names = sorted(path.relative_to(pictures) for path in pictures.rglob("*.*g"))
    names += sorted(path.relative_to(pictures) for path in pictures.rglob("*.[bw]*"))
    lines = [f"{name.as_posix()},{i % 2},1" for i, name in enumerate(names)]
    (pictures / "attributes.csv").write_text("\n".join(["file,Even,All", *lines]))
    model = plan(pictures, **QUICK).experiment.model
    assert (model.conditions, model.condition_names) == ("attributes", ("Even", "All"))
    model = plan(pictures, conditions="classes", **QUICK).experiment.model
    assert (model.conditions, model.condition_names) == ("classes", ("a", "b"))


def test_broken_pictures_can_be_left_out(pictures):
    for name in ("a/x.png", "b/y.jpg"):
        (pictures / name).write_text("no picture")
    with pytest.raises(ValueError, match="2 broken pictures: .*x.png.*y.jpg"):
        plan(pictures, **QUICK)
    with pytest.warns(UserWarning, match="Left out: 2 broken pictures"):
        made = plan(pictures, data_options={"skip_broken": True}, **QUICK)
    assert made.facts["num_train"] + made.facts["num_test"] == 40


def test_one_class_is_none(pictures):
    model = plan(pictures / "a", **{**QUICK, "batch_size": 2}).experiment.model
    assert model.conditions is None
    with pytest.raises(ValueError, match="`conditions` must be what the pictures come with"):
        plan(pictures / "a", conditions="classes", **QUICK)


def test_data_sets_and_presets(tmp_path):
    images, labels = tiny.images(40, (28, 28)), np.arange(40) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images[:9], "y_test": labels[:9]}
    np.savez(tmp_path / "mnist.npz", **arrays)
    made = plan("mnist", tmp_path, **QUICK)
    assert made.experiment.model.name == "own" and made.experiment.model.conditions == "classes"
    assert (made.facts["num_train"], made.facts["num_test"]) == (40, 9)  # none are held out
    for where in ({"source": "mnist_fast"}, {"source": "mnist", "preset": "mnist_fast"}):
        model = plan(data_dir=tmp_path, **where, **QUICK).experiment.model
        assert (model.name, model.train_size, model.conditions) == ("mnist_fast", 40, None)
    model = plan("mnist_fast", tmp_path, verbose=0, batch_size=4).experiment.model
    assert model.epochs == 1  # its own
    conditional = plan("mnist_conditional", tmp_path, **QUICK).experiment.model
    assert conditional.conditions == "classes"
    made = plan(tmp_path / "mnist.npz", **QUICK)
    assert made.experiment.data.kind == "arrays" and made.facts["num_test"] == 9


def test_celebas_folder(tmp_path):
    folder = faces.write(tmp_path)
    # six faces: three to train on, one to validate, two to test with
    quick = {**QUICK, "batch_size": 3}
    made = plan(folder, **quick)
    assert made.experiment.data.source == "celeba"
    assert made.facts["labels"] == "attributes" and len(made.facts["label_names"]) == 40
    seen = plan(folder, trial=False, limit=2, **{**quick, "batch_size": 2})
    assert seen.facts["num_train"] == 2
    for name in celeba_lists.PARTITION:
        (folder / name).unlink(missing_ok=True)
    made = plan(folder, data_options={"test_fraction": 0.4}, **quick)
    assert made.experiment.data.kind == "folder"
    assert made.experiment.model.condition_names == faces.ATTRIBUTES


@pytest.mark.parametrize(
    "given, message",
    [
        ({"budget": "1m"}, "`budget` must be left out where `epochs` are given"),
        ({"conditions": "yes"}, "`conditions` must be one of"),
        ({"data_dir": "here"}, "`data_dir` must be left out"),
        ({"preset": "mine"}, "`name` must be one of"),
        ({"data_options": {"side": 3}}, "`side` must be an option of the data set"),
        ({"batch_size": 37}, "There must be 37 pictures to train on"),
        ({"data_options": {"test_fraction": 0.01}}, "and 2 to test with. Received: 40 and 0"),
    ],
)
def test_what_does_not_fit(given, message, pictures):
    with pytest.raises(ValueError, match=message):
        plan(pictures, **{**QUICK, **given})


def test_what_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"`source` must be a data set \(digits, mnist"):
        plan(tmp_path / "nowhere", **QUICK)


def test_a_run_goes_on_with_what_it_was_begun_with(pictures, tmp_path):
    begun = plan(pictures, data_options={"resize": "pad"}, latent_dim=5, **QUICK)
    run = experiments.RunFolder(tmp_path / "run")
    run.begin(begun.experiment, begun.facts)
    same = continued(run, pictures, verbose=0)
    assert same.experiment == begun.experiment and same.facts["left_out"] == 2
    longer = continued(run, pictures, budget="7 epochs", verbose=0).experiment
    assert longer.model.epochs == 7 and longer.model.latent_dim == 5
    run.check(longer)
    for given in (
        {"latent_dim": 6},
        {"conditions": "none"},
        {"limit": 9},
        {"preset": "mnist_fast"},
        {"data_options": {"resize": "crop"}},
        {"fit_options": {"seed": 8}},
    ):
        (name,) = given.get("data_options", given.get("fit_options", given))
        with pytest.raises(ValueError, match=f"the run of another one: {name} was"):
            continued(run, pictures, verbose=0, **given)
    with pytest.raises(ValueError, match="source was .*pictures', and is 'digits'"):
        continued(run, "digits", verbose=0)
