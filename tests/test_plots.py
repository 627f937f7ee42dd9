import keras
import numpy as np
import pytest

from keras_tsvae import plots

pytest.importorskip("matplotlib")


def test_side_by_side_draws_every_image_and_leaves_nothing_open():
    import matplotlib.pyplot

    grey, colour = np.random.rand(10, 4, 4, 1), np.zeros((3, 4, 4, 3), "uint8")
    figure = plots.side_by_side({"grey": grey, "colour": colour}, columns=4)
    drawn = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(drawn) == 13
    np.testing.assert_array_equal(drawn[9], grey[9, ..., 0])
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
