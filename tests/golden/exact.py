"""Writes a few small files, and to the last bit what the code of today makes of them.

    KERAS_BACKEND=tensorflow python -m tests.golden.exact tests/golden/NAME
    KERAS_BACKEND=jax python -m tests.golden.exact tests/golden/NAME

The first line writes the files; both keep what that backend gives. `tests/test_golden.py` loads
the files of all such folders with the code of its own day, and wants the same bits.
"""

import hashlib
import os
import pathlib
import shutil
import sys

import keras
import numpy as np

import keras_tsvae as tsvae
from tests import tiny

SHAPE = (4, 4, 1)  # of the conditional model's images: its recognizer is the largest part
MODELS = ("two_stage", "conditional")
Z = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)


def write_files(folder):
    """Trains tiny models and writes them, one of them as a SavedModel too."""
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(7)
    images = tiny.images(64)
    model = tiny.two_stage()
    model.fit(images, batch_size=16, epochs=2, verbose=0)
    model.fit_mixture(images, num_components=2, seed=0)
    model.save(folder / "two_stage.keras")
    model.export(folder / "saved_model")
    shutil.make_archive(str(folder / "saved_model"), "zip", folder / "saved_model")
    shutil.rmtree(folder / "saved_model")

    conditions = tsvae.conditions.Classes(3)
    size = {"condition_dim": conditions.size, **tiny.SMALL}
    model = tsvae.ConditionalTwoStageVAE(
        tsvae.FirstStageVAE(
            tsvae.networks.ResNetEncoder(SHAPE, 2, num_scale=1, fc_dim=8, **size),
            tsvae.networks.ResNetDecoder(SHAPE, 2, **size),
        ),
        tsvae.SecondStageVAE(2, width=8, depth=1, condition_dim=conditions.size),
        conditions,
    )
    model.compile("sgd", "sgd")
    model.fit(images[:, :4, :4], np.arange(64) % 3, batch_size=16, epochs=1, verbose=0)
    model.save(folder / "conditional.keras")


def outputs(name, model):
    """Returns what a model makes of images, of latent vectors and of seeds, by name."""
    z = Z[:, : model.latent_dim]
    if name == "two_stage":
        images, mixture, labels, two = tiny.images(4), ["mixture"], {}, {}
    else:
        images, mixture = tiny.images(4)[:, :4, :4], []
        labels, two = {"condition": [0, 1, 2]}, {"condition": [2, 0]}
    found = {
        "encoded": np.stack(model.encode(images)),
        "decoded": model.decode(z, **two),
        "reconstructed": model.reconstruct(images),
        **{f"sample_{s}": model.sample(3, stage=s, seed=5, **labels) for s in (1, 2, *mixture)},
    }
    if name == "two_stage":
        return {**found, "second_decoded": model.second_stage.decode(z)}
    return {**found, "inferred": model.infer_condition(images), "edited": model.edit(images, 1)}


def saved_outputs(model):
    """Returns what the two-stage model's SavedModel makes of them."""
    images = tiny.images(4).astype("float32") / 255
    found = {
        "encoded": np.stack(model.encode(images)),
        "decoded": model.decode(Z[:, : tiny.LATENT_DIM]),
        "reconstructed": model.reconstruct(images),
        "sample_1": model.sample_stage1(3, seed=5),
        "sample_2": model.sample(3, seed=5),
        "sample_mixture": model.sample_mixture(3, seed=5),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def arithmetic():
    """Returns what the last bits depend on beside this package, as far as can be told.

    Keras's version, the number of cores that sums are shared among, and what Keras's own layers
    give here, in a network much like a decoder.
    """
    layers = keras.layers
    network = [
        layers.Dense(64, "exponential"),
        layers.Reshape((2, 2, 16)),
        layers.Conv2DTranspose(8, 3, 2, "same"),
        layers.BatchNormalization(),
        layers.Conv2D(8, 3, 1, "same", activation="relu"),
        layers.Conv2DTranspose(4, 3, 2, "same", activation="relu"),
        layers.Conv2D(1, 3, 1, "same", activation="sigmoid"),
    ]
    model = keras.Sequential([keras.Input((4,)), *network])
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(-0.3, 0.3, w.shape) ** 2 for w in model.weights])
    model.compile(jit_compile=keras.backend.backend() == "jax")
    numbers = [model.predict(rng.normal(size=(n, 4)), verbose=0) for n in (2, 3, 4, 16)]
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
    return {
        "keras": np.array(keras.__version__),
        "cores": np.array(cores),
        "numbers": np.concatenate(numbers),
    }


def digest(model):
    """Returns one digest of all weights and optimizers' states, in whatever order they come."""
    stages = (model.first_stage, model.second_stage)
    variables = [*model.weights, *(v for stage in stages for v in stage.optimizer.variables)]
    digests = sorted(
        hashlib.sha256(keras.ops.convert_to_numpy(variable).tobytes()).hexdigest()
        for variable in variables
    )
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def main(folder):
    """Writes the files unless they are there, and keeps what they give on this backend."""
    if not folder.exists():
        write_files(folder)
    kept = {f"arithmetic/{key}": value for key, value in arithmetic().items()}
    for name in MODELS:
        model = keras.saving.load_model(folder / f"{name}.keras")
        kept[f"{name}/digest"] = np.array(digest(model))
        kept.update({f"{name}/{key}": value for key, value in outputs(name, model).items()})
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        shutil.unpack_archive(folder / "saved_model.zip", folder / "saved_model")
        model = tf.saved_model.load(str(folder / "saved_model"))
        kept.update({f"saved_model/{key}": value for key, value in saved_outputs(model).items()})
        shutil.rmtree(folder / "saved_model")
    np.savez_compressed(folder / f"{keras.backend.backend()}.npz", **kept)


if __name__ == "__main__":
    from tests import conftest  # noqa: F401  backends as tests set them

    main(pathlib.Path(sys.argv[1]))
