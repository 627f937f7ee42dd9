import keras
import numpy as np
import pytest

from keras_tsvae import ConditionalTwoStageVAE, FirstStageVAE, SecondStageVAE, plots
from keras_tsvae.conditions import Attributes, Classes, Number
from tests import tiny

pytest.importorskip("matplotlib")

NAMES = ("left", "low", "bright")
SIDE = 10  # of an image of 8x8 in a grid, with its border


def conditional(conditions, labels, epochs=0):
    """A model with a linear first stage, so that all that is asked for acts through the second."""
    keras.utils.set_random_seed(1234)
    model = ConditionalTwoStageVAE(
        FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM)),
        SecondStageVAE(tiny.LATENT_DIM, 8, 1, condition_dim=conditions.size, conditioning="concat"),
        conditions,
    )
    model.compile("sgd", "sgd")
    epochs = {"epochs": 0, "second_stage_epochs": epochs, "recognizer_epochs": 0}
    model.fit(tiny.images(len(labels)), labels, batch_size=16, **epochs, verbose=0)
    return model


@pytest.fixture(scope="session")
def faces():
    """A tiny model of three attributes after an epoch of its second stage. Not to be changed."""
    labels = np.random.default_rng(0).choice([-1, 1], (32, len(NAMES)))
    return conditional(Attributes(NAMES), labels, epochs=1)


def drawn(figure, number=0):
    return np.asarray(figure.axes[number].images[0].get_array())


def check_rows(figure, labels, rows):
    """Checks a grid against its labels and images, `(rows, columns, height, width, channels)`."""
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(labels)
    found = drawn(figure)
    assert found.shape == (len(rows) * SIDE, len(rows[0]) * SIDE)
    for row, images in enumerate(rows):
        assert axes.get_yticks()[row] == row * SIDE + 4.5
        for column, image in enumerate(images):
            place = found[row * SIDE + 1 :, column * SIDE + 1 :][:8, :8]
            np.testing.assert_allclose(place, image[..., 0], atol=1e-6)


def test_samples_under_conditions_stand_beside_random_ones(faces, tmp_path):
    asked = {"left": {"left": 1}, "each": [[1, 1, 1], [-1, -1, -1], [1, -1, 1]]}
    figure = plots.conditioned(faces, asked, n=3, seed=5, columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["random", "left", "each"]
    for number, condition in enumerate((None, *asked.values())):
        found = drawn(figure, number)
        assert found.shape == (2 * SIDE, 2 * SIDE) and (found[SIDE:, SIDE:] == 1).all()
        expected = faces.sample(3, seed=5, condition=condition)
        np.testing.assert_allclose(found[1:9, 11:19], expected[1, ..., 0], atol=1e-6)
        np.testing.assert_allclose(found[11:19, 1:9], expected[2, ..., 0], atol=1e-6)
    assert abs(drawn(figure, 1) - drawn(figure, 2)).max() > 1e-3
    figure.savefig(tmp_path / "conditioned.png")


def test_a_row_for_each_class_and_one_noise_for_each_column():
    labels = np.arange(32) % 3
    model = conditional(Classes(3), labels)
    expected = [model.sample(4, seed=2, condition=label) for label in range(3)]
    check_rows(plots.class_grid(model, columns=4, seed=2), ["0", "1", "2"], expected)
    assert abs(expected[0] - expected[1]).max() > 1e-3
    stronger = [model.sample(4, seed=2, condition=label, strength=3.0) for label in range(3)]
    check_rows(plots.class_grid(model, 4, 2, strength=3.0), ["0", "1", "2"], stronger)
    assert abs(stronger[0] - expected[0]).max() > 1e-3
    named = conditional(Classes(names=["cat", "dog", "eel"]), labels)
    axes = plots.class_grid(named, columns=1).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "eel"]


def test_few_numbers_are_drawn_as_classes_are():
    model = conditional(Number(), np.resize([7, 2.5], 32))
    expected = [model.sample(2, seed=0, condition=value) for value in (2.5, 7)]
    check_rows(plots.class_grid(model, columns=2), ["2.5", "7"], expected)


@pytest.mark.parametrize("several", ["names", "images"])
def test_traversals_begin_with_the_reconstruction(several, faces, images):
    if several == "names":
        images, names = images[0], ["bright", "left"]
        expected = [faces.traverse(images, name, 3) for name in names]
        own = np.repeat(faces.reconstruct(images[None])[None], 2, axis=0)
    else:
        images, names = images[:2], "low"
        expected, own = faces.traverse(images, names, 3), faces.reconstruct(images)[:, None]
    figure = plots.traversals(faces, images, names, steps=3)
    labels = names if several == "names" else [names] * 2
    check_rows(figure, labels, np.concatenate([own, expected], axis=1))
    [title] = figure.axes[0].get_xticklabels()
    assert (title.get_text(), title.get_position()[0]) == ("reconstruction", 4.5)
    assert abs(expected[0][0] - expected[0][-1]).max() > 1e-3


def test_traversals_of_several_images_by_several_names(faces, images):
    figure = plots.traversals(faces, images[:2], ["low", "left"], steps=2)
    rows = [
        [faces.reconstruct(image[None])[0], *faces.traverse(image, name, 2)]
        for image in images[:2]
        for name in ("low", "left")
    ]
    check_rows(figure, ["low", "left"] * 2, rows)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_edits_stand_below_originals_and_reconstructions(dtype, faces, images):
    images, changes = images[:3], {"to the left": {"left": 1}, "dark": {"bright": -1, "low": 1}}
    given = images if dtype == "uint8" else (images / 255).astype(dtype)
    figure = plots.edits(faces, given, changes)
    edited = [faces.edit(given, change) for change in changes.values()]
    expected = [images / 255, faces.reconstruct(given), *edited]
    check_rows(figure, ["original", "reconstruction", "to the left", "dark"], expected)
    np.testing.assert_allclose(
        drawn(plots.edits(faces, given[0], changes)), drawn(figure)[:, :SIDE], atol=1e-6
    )


def test_bad_arguments(faces, images):
    for function, arguments in (
        (plots.conditioned, ({"left": {"left": 1}},)),
        (plots.class_grid, ()),
        (plots.traversals, (images[0], "left")),
        (plots.edits, (images[:2], {"left": {"left": 1}})),
    ):
        with pytest.raises(ValueError, match="`model` must be a ConditionalTwoStageVAE. Received"):
            function(faces.first_stage, *arguments)
    for conditions in ({}, [{"left": 1}], {"random": {"left": 1}}):
        with pytest.raises(ValueError, match="`conditions` must map titles, other than 'random'"):
            plots.conditioned(faces, conditions)
    for changes in ({}, {"reconstruction": {"left": 1}}):
        with pytest.raises(ValueError, match="`changes` must map titles, other than 'original'"):
            plots.edits(faces, images[:2], changes)
    with pytest.raises(ValueError, match="`condition` must name .* The nearest: left"):
        plots.conditioned(faces, {"left": {"Left": 1}})
    with pytest.raises(ValueError, match="`names` must be one name, or several"):
        plots.traversals(faces, images[0], [])
    with pytest.raises(ValueError, match="`seed` must be"):
        plots.conditioned(faces, {"left": {"left": 1}}, seed=None)


def test_what_has_no_classes_has_no_grid_of_them(faces):
    with pytest.raises(ValueError, match="on a number of at most 20 .* kind 'attributes'"):
        plots.class_grid(faces)
    many = conditional(Number(), np.arange(32))
    with pytest.raises(ValueError, match="kind 'number', 32 values"):
        plots.class_grid(many)
