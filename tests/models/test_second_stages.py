"""A second stage of another kind than the paper's goes wherever that one goes."""

import textwrap

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.models.affine import AffineSecondStage

pytestmark = pytest.mark.slow


def test_u_and_z_are_inverse_and_seeds_mean_the_same():
    second = AffineSecondStage(tiny.LATENT_DIM, offset=0.5)
    z = second.sample(5, seed=3)
    u, std = second.encode(z)
    np.testing.assert_allclose(second.decode(u), z, atol=1e-5)
    np.testing.assert_allclose(u, tiny_noise(5, seed=3), atol=1e-4)
    assert (std == 1).all()


def tiny_noise(n, seed):
    from keras_tsvae.arrays.noise import noise_batches

    (noise,) = noise_batches(n, tiny.LATENT_DIM, seed, n, parts=2)
    return noise[0]


def test_what_is_no_second_stage_is_refused():
    with pytest.raises(ValueError, match="`second_stage` a SecondStage, such as SecondStageVAE"):
        tsvae.TwoStageVAE(tiny.first_stage(), tiny.first_stage())


def test_the_example_of_the_documentation_is_a_second_stage(images, tmp_path):
    example = textwrap.dedent(tsvae.SecondStage.__doc__.partition("Example:")[2])
    lines = [line[4:] for line in example.strip().splitlines() if line[:3] in (">>>", "...")]
    first_stage = tiny.first_stage()
    names = {"keras": keras, "keras_tsvae": tsvae, "ops": keras.ops, "first_stage": first_stage}
    exec("\n".join(lines).replace("latent_dim=16", "latent_dim=4"), names)
    model = names["model"]
    model.compile("sgd", "sgd")
    history = model.fit(images, batch_size=16, epochs=1, second_stage_epochs=1, verbose=0)
    assert len(history.history["stage2_loss"]) == 1
    z = model.second_stage.sample(3, seed=0)
    np.testing.assert_allclose(model.second_stage(z), z, atol=1e-5)
    model.second_stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), z)


def test_it_is_built_with_the_whole_or_by_itself(tmp_path):
    second = AffineSecondStage(tiny.LATENT_DIM)
    with pytest.raises(ValueError, match="call `build` with the shape of a batch"):
        second.save(tmp_path / "stage.keras")
    tsvae.TwoStageVAE(tiny.first_stage(), second).build((None, *tiny.IMAGE_SHAPE))
    assert second.built
