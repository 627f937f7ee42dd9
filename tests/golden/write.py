"""Writes one file of every format, and what the code of today makes of it, into a new folder.

    KERAS_BACKEND=tensorflow python -m tests.golden.write tests/golden/NAME

`tests/test_golden.py` loads the files of all such folders with the code of its own day.
"""

import pathlib
import shutil
import sys

import keras
import numpy as np

import keras_tsvae as tsvae
from tests import tiny

Z = np.linspace(-1, 1, 16, dtype="float32").reshape(2, 8)


def main(folder):
    """Trains tiny models for an epoch or two, writes them, and keeps their outputs."""
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(7)
    images, labels = tiny.images(64), np.arange(64) % 3
    attributes = np.where(np.random.default_rng(0).random((64, 3)) < 0.5, 1, -1)
    results = {"images": images[:4]}

    model = tiny.two_stage("adam", tiny.residual_networks)
    model.fit(images, batch_size=16, epochs=2, verbose=0)
    model.fit_mixture(images, num_components=2, seed=0)
    results.update(outputs("two_stage", model, images[:4]))
    for stage in (1, 2, "mixture"):
        results[f"two_stage_sample_{stage}"] = model.sample(3, stage=stage, seed=5)
    model.save(folder / "two_stage.keras")
    model.first_stage.save(folder / "first_stage.keras")
    model.second_stage.save(folder / "second_stage.keras")
    model.export(folder / "saved_model")
    shutil.make_archive(str(folder / "saved_model"), "zip", folder / "saved_model")
    shutil.rmtree(folder / "saved_model")

    cross = tsvae.TwoStageVAE.from_preset(
        "digits", likelihood="cross_entropy", base_dim=4, fc_dim=16, second_stage_width=16
    )
    cross.compile()
    cross.fit(images, batch_size=16, epochs=1, verbose=0)
    results.update(outputs("preset", cross, images[:4]))
    cross.save(folder / "preset.keras")

    conditions = tsvae.conditions.Attributes(["a", "b", "c"])
    size = {"condition_dim": conditions.size}
    model = tsvae.ConditionalTwoStageVAE(
        tsvae.FirstStageVAE(tiny.encoder(**size), tiny.decoder(**size)),
        tsvae.SecondStageVAE(tiny.LATENT_DIM, width=16, depth=2, **size),
        conditions,
    )
    model.compile()
    model.fit(images, attributes, batch_size=16, epochs=1, verbose=0)
    results["condition"] = attributes[0]
    results["conditional_sample"] = model.sample(3, seed=5, condition=attributes[0])
    results["conditional_decode"] = model.decode(Z[:, :4], condition=attributes[0])
    results["conditional_inferred"] = model.infer_condition(images[:4])
    model.save(folder / "conditional.keras")

    judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, epochs=1, dimensions=8)
    results["judge_features"] = keras.ops.convert_to_numpy(judge(images[:4]))
    judge.save(folder / "judge.keras")
    reference = tsvae.metrics.ReferenceStatistics.from_images(images, judge, cache_dir=folder)
    next(folder.glob("*.npz")).unlink()
    reference.save(folder / "reference.npz")
    results["reference_mean"] = reference.statistics.mean
    np.savez_compressed(folder / "expected.npz", **results)


def outputs(name, model, images):
    """Returns what a `TwoStageVAE` makes of images and of fixed latent vectors."""
    mean, std = model.encode(images)
    z = Z[:, : model.latent_dim]
    return {
        f"{name}_mean": mean,
        f"{name}_std": std,
        f"{name}_decode": model.decode(z),
        f"{name}_second_decode": model.second_stage.decode(z),
        f"{name}_first_gamma": np.float32(model.first_stage.gamma or 0.0),
        f"{name}_second_gamma": np.float32(model.second_stage.gamma),
    }


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
