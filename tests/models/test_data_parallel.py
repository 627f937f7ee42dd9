"""Several devices and several processes against one device, on JAX."""

import pickle
import signal
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.arrays.array_batches import ArrayBatches
from tests import tiny
from tests.harness import flat
from tests.models import data_parallel

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "jax", reason="keras.distribution needs the JAX backend"
    ),
]


def train_in_processes(folder, processes, devices):
    """Returns what each of several processes of several devices makes of its share of batches."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    paths = [folder / f"{process}.pickle" for process in range(processes)]
    command = [sys.executable, "-m", "tests.models.data_parallel"]
    running = [
        subprocess.Popen([*command, path, *map(str, (devices, processes, process, port))])
        for process, path in enumerate(paths)
    ]
    assert [process.wait(timeout=240) for process in running] == [0] * processes
    return [pickle.loads(path.read_bytes()) for path in paths]


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in theirs:
        np.testing.assert_allclose(
            ours[name], theirs[name], rtol=1e-4, atol=1e-5, err_msg=f"{name}"
        )


def test_two_processes_of_two_devices_take_the_same_steps_as_one(tmp_path):
    both = train_in_processes(tmp_path, processes=2, devices=2)
    data = (tiny.images(32), tiny.images(20), data_parallel.CODES)
    alone = data_parallel.train(*data, data_parallel.BATCH)
    loaded = keras.saving.load_model(tmp_path / "0.pickle.keras")
    np.testing.assert_allclose(loaded.sample(5, seed=0), alone["sample"], atol=1e-5)
    for process, results in enumerate(both):
        assert_close(results["logs"], alone["logs"])
        assert_close(results["weights"], alone["weights"])
        assert_close(results["joint"], alone["joint"])
        np.testing.assert_allclose(results["sample"], alone["sample"], atol=1e-5)
        own = alone["mean"][process::2]
        np.testing.assert_allclose(results["mean"], own, rtol=1e-4, atol=1e-5)
    noise = np.concatenate([results["noise"] for results in both])
    assert noise.shape == (8, 4) and len(np.unique(noise)) == noise.size
    merged, other = (results["statistics"] for results in both)
    merged.merge(other)
    whole = alone["statistics"].statistics
    assert merged.num_samples == whole.num_samples == 32
    np.testing.assert_allclose(merged.statistics.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(merged.statistics.covariance, whole.covariance, rtol=1e-9)


def of_devices(monkeypatch, devices):
    monkeypatch.setattr("keras_tsvae.arrays.array_batches.local_replicas", lambda: devices)


def test_batches_can_be_split_over_all_devices(monkeypatch):
    of_devices(monkeypatch, 4)
    rows = np.arange(22)
    batches = ArrayBatches((rows,), 8, training=False)
    parts = [batches[index][0] for index in range(len(batches))]
    assert all(len(part) % 4 == 0 and 0 < len(part) <= 8 for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), rows[:20])


def test_a_batch_that_cannot_be_split_is_refused(monkeypatch):
    of_devices(monkeypatch, 4)
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the 4 devices"):
        tiny.first_stage().fit(tiny.images(32), batch_size=6)
    with pytest.raises(ValueError, match="`x` must hold an example for each of the 4 devices"):
        tiny.first_stage().evaluate(tiny.images(3))


def test_a_process_without_a_distribution_has_one_device():
    assert tsvae.backend.local_replicas() == 1


def test_streams_are_cut_to_what_divides_evenly(monkeypatch):
    """Of batches of 9, 1 and 8, with two devices, 16 images are trained on and measured."""
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr("keras_tsvae.training.jax_fit.local_replicas", lambda: 2)
    images = tiny.images(18)
    parts = [images[:9], images[9:10], images[10:]]
    stream = tf.data.Dataset.from_generator(
        lambda: iter(parts), output_signature=tf.TensorSpec((None, 8, 8, 1), "uint8")
    )
    stage = tiny.first_stage()
    stage.encoder.get_layer("log_std").bias.assign([-40.0] * tiny.LATENT_DIM)  # hardly any noise
    whole = np.concatenate([images[:8], images[10:]])
    results = [stage.evaluate(x, verbose=0, return_dict=True) for x in (stream, whole)]
    assert_close(*results)
    stage.fit(stream, validation_data=stream, verbose=0)
    assert int(flat(stage.optimizer.iterations)[0]) == 2


def test_a_batch_with_less_than_an_example_for_each_device_is_refused(monkeypatch):
    class OneAtLast(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return tiny.images((4, 1)[index])

    monkeypatch.setattr("keras_tsvae.training.jax_fit.local_replicas", lambda: 2)
    with pytest.raises(ValueError, match="`x` must yield batches .* 2 devices .* a batch of 1$"):
        tiny.first_stage().fit(OneAtLast(), verbose=0)


@pytest.mark.parametrize("size, count", [(1, 8), (1, 1), (2, 2)])
def test_streams_of_batches_smaller_than_the_devices_are_refused(monkeypatch, size, count):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr("keras_tsvae.training.jax_fit.local_replicas", lambda: 3)
    stream = tf.data.Dataset.from_tensor_slices(tiny.images(size * count)).batch(size)
    message = f"`x` must yield batches with an example for each of the 3 devices .* {size}$"
    for call in (
        lambda stage: stage.fit(stream, verbose=0),
        lambda stage: stage.fit(stream.repeat(), steps_per_epoch=2, verbose=0),
        lambda stage: stage.evaluate(stream, verbose=0),
    ):
        stage = tiny.first_stage()
        with pytest.raises(ValueError, match=message):
            call(stage)
        assert stage.encode(tiny.images(2))[0].shape == (2, 4)  # it still has its weights


def start(folder, kill_after=0):
    """Starts two processes with a backup; returns how they have ended."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "tests.models.data_parallel_backup", folder]
    running = [
        subprocess.Popen(
            [*command, *map(str, (process, port, kill_after))], stderr=subprocess.DEVNULL
        )
        for process in range(2)
    ]
    return [process.wait(timeout=240) for process in running]


def test_where_one_process_is_killed_the_other_ends_and_both_go_on(tmp_path):
    assert start(tmp_path / "unbroken") == [0, 0]
    other, killed = start(tmp_path / "killed", kill_after=10)
    assert killed == -signal.SIGKILL and other != 0
    assert start(tmp_path / "killed") == [0, 0]
    ours, theirs = (np.load(tmp_path / name / "result.npz") for name in ("unbroken", "killed"))
    for name in ours.files:
        np.testing.assert_array_equal(ours[name], theirs[name])
