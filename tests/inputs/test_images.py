"""What images may be given as, and what is refused."""

import keras
import numpy as np
import pytest
from PIL import Image

import keras_tsvae as tsvae
import keras_tsvae.plots
from keras_tsvae import inputs
from keras_tsvae.data import ImageData, Split
from keras_tsvae.inputs.labelled import labelled_arrays
from keras_tsvae.metrics.sources import source_batches
from tests import tiny
from tests.conditions import toy
from tests.reused import reused

pytestmark = pytest.mark.slow

IMAGES = tiny.images(64)
LABELS = np.arange(64) % 3


class Tensor:
    """As little of a tensor as NumPy needs to make an array of it."""

    def __init__(self, array):
        self.array = array
        self.ndim = array.ndim

    def __array__(self, dtype=None, copy=None):
        return self.array

    def __len__(self):
        return len(self.array)


class DataLoader:
    """As `torch.utils.data.DataLoader`: it has a length, and each pass begins anew."""

    def __init__(self, images=IMAGES, labels=None, length=4):
        self.images, self.labels, self.length = images, labels, length
        self.passes = 0
        self.read = 0

    def __len__(self):
        return self.length

    def __iter__(self):
        self.passes += 1
        for start in range(0, len(self.images), 16):
            self.read += 1
            rows = slice(start, start + 16)
            batch = [Tensor(self.images[rows])]
            yield batch if self.labels is None else [*batch, Tensor(self.labels[rows])]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return IMAGES[16 * index : 16 * index + 16], LABELS[16 * index : 16 * index + 16]


def stream():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(16)


def tensor():
    return pytest.importorskip("tensorflow").constant(IMAGES)


FORMS = {
    "array": lambda folder: IMAGES,
    "tensor": lambda folder: Tensor(IMAGES),
    "tf.Tensor": lambda folder: tensor(),
    "the backend's": lambda folder: keras.ops.convert_to_tensor(IMAGES, "uint8"),
    "list of images": lambda folder: list(IMAGES),
    "list of tensors": lambda folder: [Tensor(image) for image in IMAGES],
    "pair": lambda folder: (IMAGES, LABELS),
    "list as a pair": lambda folder: [IMAGES, LABELS],
    "Split": lambda folder: Split(IMAGES, LABELS),
    "tf.data": lambda folder: stream(),
    "PyDataset": lambda folder: Batches(),
    "DataLoader": lambda folder: DataLoader(),
    "DataLoader of pairs": lambda folder: DataLoader(labels=LABELS),
    "list of batches": lambda folder: [IMAGES[:20], IMAGES[20:]],
    "list of pairs": lambda folder: [(IMAGES[:20], LABELS[:20]), (IMAGES[20:], LABELS[20:])],
    "folder": lambda folder: folder,
    "name of a folder": lambda folder: str(folder),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    for index, image in enumerate(IMAGES):
        Image.fromarray(image[..., 0]).save(path / f"{index:02}.png")
    return path


@pytest.fixture(scope="module")
def stage():
    """A stage that is cheap to trace. To be trained, but not to be built anew."""
    keras.utils.set_random_seed(0)
    made = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    made.compile(keras.optimizers.SGD(1e-3))
    return made


@pytest.mark.parametrize("form", FORMS)
def test_every_door_takes_every_form(form, folder, stage):
    x = FORMS[form](folder)
    batched = not inputs.as_images(x).is_array
    size = {} if batched else {"batch_size": 16}
    wanted = stage.encode(IMAGES)[0]
    np.testing.assert_allclose(stage.encode(x)[0], wanted, atol=1e-5)
    assert len(stage.posteriors(x)) == 64
    assert stage.reconstruct(x).shape == IMAGES.shape
    expected = stage.evaluate(IMAGES, batch_size=64, return_dict=True, verbose=0)["kl"]
    found = stage.evaluate(x, **size, return_dict=True, verbose=0)["kl"]
    np.testing.assert_allclose(found, expected, rtol=2e-2)  # a mean over batches
    before = int(keras.ops.convert_to_numpy(stage.optimizer.iterations))
    history = stage.fit(x, validation_data=x, validation_batch_size=16, **size, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    steps = int(keras.ops.convert_to_numpy(stage.optimizer.iterations)) - before
    assert steps == (2 if form.startswith("list of") and batched else 4)
    np.testing.assert_array_equal(np.concatenate(list(source_batches(x))), IMAGES)
    np.testing.assert_array_equal(inputs.gathered(x), IMAGES)


ENTRIES = {
    "x": lambda stage, bad: stage.fit(bad, verbose=0),
    "x of encode": lambda stage, bad: stage.encode(bad),
    "x of evaluate": lambda stage, bad: stage.evaluate(bad),
    "validation_data": lambda stage, bad: stage.fit(IMAGES, validation_data=bad, verbose=0),
    "test": lambda stage, bad: reused(tiny.two_stage).evaluate_generation(bad, flat),
    "reference": lambda stage, bad: tsvae.callbacks.FIDLogger(bad, flat),
    "images of SampleGrid": lambda stage, bad: tsvae.callbacks.SampleGrid("no", images=bad),
    "x of LatentReport": lambda stage, bad: tsvae.callbacks.LatentReport(bad),
}
REFUSED = {
    "a generator": (lambda: (image for image in IMAGES), "read.* generator"),
    "an iterator": (lambda: iter(list(IMAGES)), "read.*iterator"),
    "a dict": (lambda: {"x": IMAGES}, "array of images.*dict"),
    "a number": (lambda: 7, "array of images.*int"),
    "a data set": (lambda: ImageData("toy", *[Split(IMAGES, LABELS)] * 3, ()), "train.*ImageData"),
    "no folder": (lambda: "no/such/folder", "folder of pictures.*no/such/folder"),
    "weights": (lambda: (IMAGES, LABELS, LABELS), "without `sample_weight`.*tuple of 3"),
    "channels first": (lambda: np.zeros((4, 5, 8, 8), "uint8"), "Received: .*8"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_refused_is_named_at_every_door(case, entry, stage):
    make, message = REFUSED[case]
    if case == "channels first" and ("reference" not in entry and "of encode" not in entry):
        return
    with pytest.raises(ValueError, match=f"`{entry.split()[0]}` must .*{message}"):
        ENTRIES[entry](stage, make())


def flat(images):
    return np.asarray(images, "float32").reshape(len(images), -1)[:, :4]


def test_hints():
    stage = tsvae.FirstStageVAE(*tiny.linear_networks((8, 8, 3), 2))
    with pytest.raises(ValueError, match="`x` must .*channels are the last axis, not the first"):
        stage.encode(np.zeros((4, 3, 8, 8), "uint8"))
    with pytest.raises(ValueError, match="grey images need a last axis of length 1"):
        stage.encode(np.zeros((4, 8, 8), "uint8"))
    with pytest.raises(ValueError, match="`images` must have 1 or 3 channels .*the last axis"):
        tsvae.metrics.frechet_inception_distance(np.zeros((4, 3, 8, 8), "uint8"), IMAGES, flat)
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(ValueError, match=r"`x` must .*call `.batch\(n\)`"):
        stage.encode(tf.data.Dataset.from_tensor_slices(np.zeros((4, 8, 8, 3), "uint8")))


def test_pictures_of_a_folder_must_have_one_shape(folder, stage, tmp_path):
    for size in (8, 9):
        Image.fromarray(np.zeros((size, size), "uint8")).save(tmp_path / f"{size}.png")
    with pytest.raises(ValueError, match="`x` must be a folder of pictures of one shape"):
        stage.encode(tmp_path)


def test_a_data_loader_is_read_once_an_epoch_in_its_order(stage):
    loader = DataLoader()
    stage.fit(loader, epochs=3, verbose=0)
    assert (loader.passes, loader.read) == (3, 12)
    loader = DataLoader()
    stage.evaluate(loader, verbose=0)
    stage.encode(loader)
    assert (loader.passes, loader.read) == (2, 8)


def test_a_data_loader_that_yields_fewer_batches_than_it_says(stage):
    with pytest.raises(ValueError, match="`x` must yield as many .* 4 batches, of a DataLoader"):
        stage.fit(DataLoader(length=5), verbose=0)


def test_a_bad_batch_of_a_data_loader_is_named(stage):
    bad = np.where(np.arange(64)[:, None, None, None] == 40, np.nan, IMAGES / 255.0)
    with pytest.raises(ValueError, match="`x` must hold finite values"):
        stage.fit(DataLoader(bad), verbose=0)
    with pytest.raises(ValueError, match="`validation_data` must hold finite values"):
        stage.fit(IMAGES, batch_size=16, validation_data=DataLoader(bad), verbose=0)


@pytest.mark.parametrize("form", ["array", "Split", "tf.data", "PyDataset", "list of batches"])
def test_images_that_are_all_but_black_are_warned_of(form, stage, monkeypatch):
    dark = IMAGES // 15
    monkeypatch.setattr(f"{__name__}.IMAGES", dark)
    x = FORMS[form](None)
    for door in (stage.fit, stage.encode, stage.evaluate):
        with pytest.warns(UserWarning, match="`x` holds uint8 images in which no value") as seen:
            door(x)
        assert len([w for w in seen if "no value reaches" in str(w.message)]) == 1
    assert (17 * dark).max() > 17 > dark.max()
    with pytest.warns(UserWarning, match="`images` holds uint8 images"):
        list(source_batches(x))


@pytest.mark.filterwarnings("error:.*no value reaches")
def test_images_with_one_bright_value_are_not_warned_of(stage):
    dark = np.zeros((2000, 8, 8, 1), "uint8")
    dark[-1, -1, -1, 0] = 17
    stage.encode(dark)


@pytest.mark.parametrize("form", ["pair", "Split", "tf.data", "PyDataset", "DataLoader of pairs"])
def test_labels_come_with_images_for_metrics_and_conditional_models(form):
    found = labelled_arrays(FORMS[form](None))
    np.testing.assert_array_equal(found[0], IMAGES)
    np.testing.assert_array_equal(found[1], LABELS)
    model = toy.linear(tsvae.conditions.Classes(3), seen=np.eye(3))
    data = FORMS[form](None)
    codes = model.posteriors(data, batch_size=16).condition
    np.testing.assert_array_equal(codes, np.eye(3)[LABELS])
    arguments = {"epochs": 1, "second_stage_epochs": 1, "recognizer_epochs": 1, "verbose": 0}
    model.compile(keras.optimizers.SGD(1e-5), keras.optimizers.SGD(1e-5))
    model.fit(data, batch_size=16, validation_data=data, **arguments)
    np.testing.assert_allclose(model.joint.weights.sum(), 1)
    assert len(model.joint.rows) == 3
    with pytest.raises(ValueError, match="`y` must not be given"):
        model.fit(data, LABELS, batch_size=16, **arguments)


def test_images_without_labels_are_refused_where_labels_are_needed():
    with pytest.raises(ValueError, match=r"`images` must be a Split or a pair \(images, labels\)"):
        tsvae.metrics.ClassifierFeatures.fit(IMAGES)
    judge = tsvae.metrics.ClassifierFeatures.fit(Split(IMAGES, LABELS), epochs=1)
    assert judge.num_outputs == 3


def test_edits_and_figures_take_the_same_images(folder):
    model = toy.linear(tsvae.conditions.Classes(3), seen=np.eye(3))
    expected = model.edit(IMAGES, 1, condition=LABELS)
    np.testing.assert_allclose(model.edit(DataLoader(), 1, condition=LABELS), expected, atol=1e-5)
    np.testing.assert_allclose(model.edit(folder, 1, condition=LABELS), expected, atol=1e-5)
    assert model.infer_condition(Batches()).shape == (64,)
    assert model.traverse(Split(IMAGES[:2], LABELS[:2]), 1, 3).shape == (2, 3, 8, 8, 1)
    assert model.interpolate([IMAGES[:1]], IMAGES[1:2], 3).shape == (1, 3, 8, 8, 1)
    assert len(tsvae.plots.reconstructions(model, Split(IMAGES[:4], LABELS[:4])).axes) == 2
    assert tsvae.plots.edits(model, list(IMAGES[:2]), {"one": 1}).axes
    for use in (model.edit, model.traverse, model.infer_condition):
        with pytest.raises(ValueError, match="`images?` must .*generator"):
            use((image for image in IMAGES), *(() if use == model.infer_condition else (1,)))
