"""Trains a first stage as one of two processes on JAX, with a backup, or dies in between.

    python -m tests.models.data_parallel_backup FOLDER PROCESS PORT KILL_AFTER

After KILL_AFTER batches process 1 is killed; 0 for never. Process 0 writes its weights.
"""

import os
import pathlib
import signal
import sys

import numpy as np


def main(folder, process, port, kill_after):
    """Trains on this process's share of the images."""
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import keras

    # As `keras.distribution.initialize`, but a dead process is noticed sooner than after 100 s.
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, process, heartbeat_timeout_seconds=10)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    import keras_tsvae as tsvae
    from tests import tiny

    class Killed(keras.callbacks.Callback):
        left = kill_after

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if self.left == 0 and process == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    keras.utils.set_random_seed(5)
    model = tiny.first_stage("adam")
    callbacks = [tsvae.callbacks.BackupAndRestore(folder / "backup"), Killed()]
    images = tiny.images(32)[process::2]
    settings = {"batch_size": 4, "epochs": 4, "verbose": 0}
    history = model.fit(images, callbacks=callbacks, **settings)
    if process == 0:
        values = map(keras.ops.convert_to_numpy, [*model.variables, *model.optimizer.variables])
        np.savez(folder / "result.npz", *values, loss=history.history["loss"])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
