"""Trains a tiny Two-Stage VAE as one of several processes on JAX, and writes what came of it.

    python -m tests.models.data_parallel FILE DEVICES PROCESSES PROCESS PORT

Without noise, and in order: the outcome must not depend on how the batches are shared out.
"""

import os
import pickle
import sys

import numpy as np

BATCH = 16
PIXELS = 8
CODES = np.eye(4, dtype="float32")[[3, *[0, 0, 1, 1, 2, 2] * 5]]  # the fourth: one process's alone


def features(images):
    """Some pixels as features."""
    return np.asarray(images, "float64").reshape(len(images), -1)[:, ::PIXELS]


def without_noise(stage):
    """Compiles a stage whose posterior has no width, now or ever."""
    import keras

    head = stage.encoder.get_layer("log_std")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign(np.full(head.bias.shape, -40.0))
    head.trainable = False
    stage.compile(keras.optimizers.SGD(1e-3))
    return stage


def train(images, validation_images, codes, batch_size, path=None):
    """Returns all that the training gave, by name, and saves the model if there is a path."""
    import keras

    import keras_tsvae as tsvae
    from tests import tiny

    keras.utils.set_random_seed(5)
    model = tiny.two_stage()
    first, second = (without_noise(stage) for stage in model.stages().values())
    settings = {"batch_size": batch_size, "epochs": 2, "shuffle": False, "verbose": 0}
    logs = first.fit(images, validation_data=validation_images, **settings).history
    posteriors = first.posteriors(images)
    logs.update({f"2_{k}": v for k, v in second.fit(posteriors, **settings).history.items()})
    mixture = tsvae.SecondStageMixture(tiny.LATENT_DIM, num_components=1)
    mixture.compile()
    logs |= {f"mixture_{k}": v for k, v in mixture.fit(posteriors, verbose=0).history.items()}
    weights = dict(
        enumerate(keras.ops.convert_to_numpy(w) for w in [*model.weights, *mixture.weights])
    )
    statistics = tsvae.metrics.ReferenceStatistics(features)
    statistics.update(images)
    if path is not None:
        model.save(path)
    joint = tsvae.conditions.JointConditions.from_batches([codes])
    return {
        "joint": {"rows": joint.rows, "weights": joint.weights},
        "logs": logs,
        "weights": weights,
        "mean": posteriors.mean,
        "sample": model.sample(5, seed=0),
        "statistics": statistics,
    }


def noise():
    """Returns what a layer draws for this process's part of a batch that all devices share."""
    import jax
    import keras

    import keras_tsvae as tsvae

    layer = tsvae.layers.GaussianSampling(seed=0)
    mesh = jax.sharding.Mesh(jax.devices(), ("batch",))
    shared = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    zeros = jax.make_array_from_process_local_data(shared, np.zeros((4, 4), "float32"))

    @jax.jit
    def draw(state, zeros):
        with keras.StatelessScope(state_mapping=[(layer.seed_generator.state, state)]):
            return layer(zeros, zeros)

    drawn = draw(layer.seed_generator.state.value, zeros)
    return np.concatenate([shard.data for shard in drawn.addressable_shards])


def main(path, devices, processes, process, port):
    """Trains on this process's share of the images."""
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import keras

    keras.distribution.initialize(f"127.0.0.1:{port}", processes, process)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    from tests import tiny

    share = slice(process, None, processes)
    data = (tiny.images(32), tiny.images(20), CODES)
    model = f"{path}.keras" if process == 0 else None
    results = train(*(array[share] for array in data), BATCH // processes, model)
    results["noise"] = noise()
    with open(path, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
