import keras
import numpy as np
import pytest

from keras_tsvae import plots

pytest.importorskip("matplotlib")


def test_side_by_side_draws_every_image_and_leaves_nothing_open():
    import matplotlib.pyplot

    grey, colour = np.random.rand(10, 4, 5, 1), np.full((3, 32, 32, 3), 51, "uint8")
    figure = plots.side_by_side({"grey": grey, "colour": colour}, columns=4)
    assert [axes.get_title() for axes in figure.axes] == ["grey", "colour"]
    drawn = [axes.images[0].get_array() for axes in figure.axes]
    assert drawn[0].shape == (3 * 6, 4 * 7) and drawn[1].shape == (3 * 36, 4 * 36, 3)
    for index, image in enumerate(grey):
        row, column = divmod(index, 4)
        found = drawn[0][row * 6 + 1 : row * 6 + 5, column * 7 + 1 : column * 7 + 6]
        np.testing.assert_array_equal(found, image[..., 0])
    assert (drawn[0][12:, 14:] == 1).all() and (drawn[1][36:] == 1).all()  # empty places
    np.testing.assert_allclose(drawn[1][2:34, 2:34], 0.2)
    assert matplotlib.pyplot.get_fignums() == []


def test_training_curves_have_a_row_for_each_stage():
    history = keras.callbacks.History()
    history.history = {"stage1_loss": [3, 2], "stage1_gamma": [1, 0.5], "stage1_val_loss": [4, 3]}
    figure = plots.training_curves(history)
    loss, gamma = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_array_equal(gamma.lines[0].get_ydata(), [1, 0.5])


def test_bad_arguments():
    with pytest.raises(ValueError, match="`panels` must map"):
        plots.side_by_side({})
    with pytest.raises(ValueError, match="`panels` must map"):
        plots.side_by_side({"flat": np.zeros((3, 4))})
    with pytest.raises(ValueError, match="`history` must be"):
        plots.training_curves(keras.callbacks.History())
