"""Ways to train and sample the CIFAR-10 preset with keras_tsvae on JAX (see `gpu.py`).

Each is a function that does so many steps and returns once the device has done them:

- fit: Keras's `fit`, which gathers every batch on the host;
- step: the step that `fit` compiled, in a bare loop, on batches gathered on the device;
- scan: `chunk` steps as one program on the device.
"""

import jax
import keras
import numpy as np
from gpu_loop import put_back, scanned, state_of

import keras_tsvae as tsvae

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def facts():
    return {
        "jax": jax.__version__,
        "keras": keras.__version__,
        "device": jax.devices()[0].device_kind,
    }


def product(a, b):
    """Returns a matrix product as this library computes it by default."""
    return np.asarray(jax.numpy.asarray(a) @ jax.numpy.asarray(b))


def training(stage, arrays, batch_size, chunk):
    """Yields the names and functions of all ways to train a stage."""
    stage.compile()
    arrays = tuple(np.asarray(array) for array in arrays)
    on_device = jax.device_put(arrays)
    per_epoch = len(arrays[0]) // batch_size

    def fit(steps):
        x = tuple(array[: min(steps, per_epoch) * batch_size] for array in arrays)
        epochs = max(steps // per_epoch, 1)
        stage.fit(x[0] if len(x) == 1 else x, batch_size=batch_size, epochs=epochs, verbose=0)
        jax.block_until_ready(state_of(stage))
        return epochs * len(x[0])

    yield "fit", fit

    take = jax.jit(lambda arrays, rows, i: tuple(array[rows[i]] for array in arrays))

    def random_rows(steps):
        return np.random.default_rng().integers(len(arrays[0]), size=(steps, batch_size))

    def step(steps):
        state, rows = state_of(stage), jax.device_put(random_rows(steps))
        for i in range(steps):
            _, state = stage.train_function(state, iter([take(on_device, rows, i)]))
        put_back(stage, jax.block_until_ready(state))
        return steps * batch_size

    yield "step", step

    run = scanned(stage)

    def scan(steps):
        state, rows = state_of(stage), random_rows(steps).reshape(-1, chunk, batch_size)
        for some in rows:
            state, _ = run(state, on_device, some)
        put_back(stage, jax.block_until_ready(state))
        return steps * batch_size

    yield "scan", scan


def ways(images, posteriors, batch_sizes, sample_batch_size, chunk):
    """Yields what is done, in which precision, the batch size, how, and the function."""
    for batch_size in batch_sizes:
        for precision, policy in POLICIES.items():
            keras.config.set_dtype_policy(policy)
            model = tsvae.TwoStageVAE.from_preset("cifar10")
            for name, function in training(model.first_stage, (images,), batch_size, chunk):
                yield "stage 1", precision, batch_size, name, function
            for name, function in training(model.second_stage, posteriors, batch_size, chunk):
                yield "stage 2", precision, batch_size, name, function
            if batch_size == batch_sizes[0]:

                def sample(steps, model=model):
                    n = steps * sample_batch_size
                    return len(model.sample(n, seed=0, batch_size=sample_batch_size))

                yield "sampling", precision, sample_batch_size, "sample", sample
