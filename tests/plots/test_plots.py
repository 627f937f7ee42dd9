import keras
import numpy as np
import pytest

from keras_tsvae import FirstStageVAE, Posteriors, TwoStageVAE, plots
from keras_tsvae.latents.statistics import LatentStatistics
from tests import tiny

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


@pytest.fixture
def model():
    networks = tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM)
    return TwoStageVAE(FirstStageVAE(*networks), tiny.second_stage())


def test_reconstructions_are_drawn_beside_the_originals(model, images):
    originals, reconstructions = plots.reconstructions(model, images[:4]).axes
    assert [a.get_title() for a in (originals, reconstructions)] == ["originals", "reconstructions"]
    found = originals.images[0].get_array()[1:9, 1:9]
    np.testing.assert_allclose(found, images[0, ..., 0] / 255)
    found = reconstructions.images[0].get_array()[1:9, 1:9]
    np.testing.assert_allclose(found, model.reconstruct(images[:4])[0, ..., 0], atol=1e-6)
    with pytest.raises(ValueError, match="must hold images of shape"):
        plots.reconstructions(model, images[:, :4])


def test_samples_of_both_stages_and_of_the_mixture_if_there_is_one(model, images):
    pytest.importorskip("sklearn")
    figure = plots.samples(model, n=3, seed=1)
    assert [axes.get_title() for axes in figure.axes] == ["stage 1", "stage 2"]
    for axes, stage in zip(figure.axes, (1, 2)):
        expected = model.sample(3, stage=stage, seed=1)[0, ..., 0]
        np.testing.assert_allclose(axes.images[0].get_array()[1:9, 1:9], expected, atol=1e-6)
    model.fit_mixture(images, num_components=2, seed=0)
    titles = [axes.get_title() for axes in plots.samples(model, n=3).axes]
    assert titles == ["stage 1", "mixture", "stage 2"]
    with pytest.raises(ValueError, match="`model` must be a TwoStageVAE"):
        plots.samples(model.first_stage)


def test_a_plane_is_drawn_as_it_is():
    mean = np.random.default_rng(0).standard_normal((30, 2))
    figure = plots.latent_plane(Posteriors(mean, np.ones_like(mean)), np.arange(30) % 3, "abc")
    [axes] = figure.axes
    for label, points in enumerate(axes.collections):
        np.testing.assert_allclose(points.get_offsets(), mean[label::3])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    assert axes.get_xlabel() == "latent unit 1" and axes.get_ylabel() == "latent unit 2"


def test_wider_spaces_are_drawn_along_their_principal_components():
    """Of 20000 points, with 12 classes, that spread in the third and the first dimension."""
    mean = np.random.default_rng(0).standard_normal((20_000, 4)) * [2, 0.01, 4, 0.01] + 7
    labels = np.arange(20_000) % 12
    [axes] = plots.latent_plane(Posteriors(mean, np.ones_like(mean)), labels).axes
    drawn = np.concatenate([points.get_offsets() for points in axes.collections])
    assert len(drawn) == 5_000 and len(axes.collections) == 12
    np.testing.assert_allclose(drawn.std(0), [4, 2], rtol=0.1)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=1e-6)
    assert "80% of the variance" in axes.get_xlabel() and "20%" in axes.get_ylabel()
    colours = {tuple(points.get_facecolor()[0]) for points in axes.collections}
    assert len(colours) == 12


@pytest.mark.parametrize("stages", [("first",), ("second",), ("first", "second")])
def test_latent_spectrum(stages, tmp_path):
    rng = np.random.default_rng(0)
    std = np.array([[0.1, 1.0, 0.0]])
    statistics = {
        stage: LatentStatistics.from_posteriors(
            Posteriors(rng.standard_normal((40, 3)), np.repeat(std, 40, 0))
        )
        for stage in stages
    }
    figure = plots.latent_spectrum(**statistics)
    spectrum, kl = figure.axes
    assert len(spectrum.lines) == len(stages) + 1 and len(kl.lines) == len(stages)
    for stage, eigenvalues, divergences in zip(stages, spectrum.lines, kl.lines):
        np.testing.assert_array_equal(eigenvalues.get_ydata(), statistics[stage].spectrum)
        expected = sorted(statistics[stage].kl_per_unit, reverse=True)
        np.testing.assert_array_equal(divergences.get_ydata(), expected)
    assert set(spectrum.lines[-1].get_ydata()) == {1}
    figure.savefig(tmp_path / "with_infinity.png")


def test_bad_arguments_of_latent_plots():
    posteriors = Posteriors(np.zeros((4, 2)), np.ones((4, 2)))
    narrow = Posteriors(np.zeros((4, 1)), np.ones((4, 1)))
    for arguments in ((narrow, [0] * 4), (posteriors.mean, [0] * 4)):
        with pytest.raises(ValueError, match="`posteriors` must be"):
            plots.latent_plane(*arguments)
    for labels in ([0] * 3, [0.5] * 4, [-1] * 4):
        with pytest.raises(ValueError, match="`labels` must be"):
            plots.latent_plane(posteriors, labels)
    with pytest.raises(ValueError, match="`label_names` must name"):
        plots.latent_plane(posteriors, [0, 1, 2, 3], ["a", "b", "c"])
    for arguments in ((), (posteriors,)):
        with pytest.raises(ValueError, match="`first` and `second` must be"):
            plots.latent_spectrum(*arguments)
