"""What a backup belongs to, what damages it, and what ends a training."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.saving.backup_folder import BackupFolder
from keras_tsvae.training import interruptions
from tests import tiny
from tests.models.interrupted import IMAGES, KINDS, Interrupt, Trained, fit_first

pytestmark = pytest.mark.slow

BackupAndRestore = tsvae.callbacks.BackupAndRestore


@pytest.fixture(scope="module")
def both():
    return Trained(*KINDS["both"][:2])


@pytest.fixture(scope="module")
def first():
    return Trained(*KINDS["first"][:2])


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"folder": "/dev/null/x"}, "`folder` must be a folder that can be made"),
        ({"save_freq": "batch"}, "`save_freq` must be 'epoch' or a positive number of seconds"),
        ({"save_freq": 0}, "`save_freq` must be"),
        ({"save_freq": True}, "`save_freq` must be"),
        ({"keep": 0}, "`keep` must be a positive integer"),
        ({"restart": 1}, "`restart` must be True or False"),
    ],
)
def test_bad_arguments_are_named(kwargs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        BackupAndRestore(**{"folder": tmp_path / "backup", **kwargs})


def test_models_of_others_and_two_folders_are_refused(first, tmp_path):
    backups = [BackupAndRestore(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(ValueError, match="must not hold more than one `BackupAndRestore`"):
        first.model.fit(IMAGES, callbacks=backups)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="`model` must be a stage of this package"):
        model.fit(np.ones((4, 1)), np.ones(4), callbacks=backups[:1], verbose=0)


def test_another_training_is_refused_unless_it_is_to_begin_anew(both, tmp_path):
    """The error lists what differs."""
    both.reset()
    epochs = {"epochs": 1, "second_stage_epochs": 1, "verbose": 0}
    both.model.fit(IMAGES, batch_size=16, **epochs, callbacks=[BackupAndRestore(tmp_path)])
    before = both.values()
    other = tiny.two_stage("adam")
    other.first_stage.optimizer.learning_rate = 2e-3
    wide = tsvae.TwoStageVAE(tiny.first_stage("adam"), tsvae.SecondStageVAE(tiny.LATENT_DIM, 8, 2))
    wide.compile("adam", "adam")
    keras.config.set_dtype_policy("mixed_bfloat16")
    mixed = tiny.two_stage("adam")
    keras.config.set_dtype_policy("float32")
    again = {"callbacks": [BackupAndRestore(tmp_path)], "batch_size": 16, **epochs}
    for model, images, arguments, message in (
        (both.model, IMAGES[::-1], {}, "data.values was .*, and is "),
        (both.model, IMAGES[:90], {}, r"data.shape\[0\] was 96, and is 90"),
        (both.model, IMAGES, {"batch_size": 12}, "stage1.batch_size was 16, and is 12"),
        (both.model, IMAGES, {"shuffle": False}, "shuffle was true, and is false"),
        (other, IMAGES, {}, "stage1.optimizer.config.learning_rate was 0.00100.*, and is 0.002"),
        (mixed, IMAGES, {}, "dtype.*.name was .float32., and is .mixed_bfloat16."),
        (wide, IMAGES, {}, "second_stage.config.width was 16, and is 8"),
    ):
        with pytest.raises(ValueError, match=f"`restart=True` begins anew.*{message}"):
            model.fit(images, **{**again, **arguments})
    for ours, theirs in zip(both.values(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    restart = [BackupAndRestore(tmp_path, restart=True)]
    both.model.fit(IMAGES, **{**again, "batch_size": 12, "callbacks": restart})
    both.model.fit(IMAGES, **{**again, "batch_size": 12})  # with the new one


def test_more_epochs_go_on_and_fewer_are_refused(first, tmp_path):
    def fit(epochs, *callbacks):
        callbacks = [BackupAndRestore(tmp_path), *callbacks]
        return first.model.fit(IMAGES, batch_size=16, epochs=epochs, callbacks=callbacks, verbose=0)

    first.reset()
    expected = first.model.fit(IMAGES, batch_size=16, epochs=5, verbose=0).history
    values = first.values()
    first.reset()
    fit(2)
    first.reset(seed=3)
    assert fit(5).history == expected
    for ours, theirs in zip(first.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(KeyboardInterrupt):
        fit(6, Interrupt(1))
    with pytest.raises(ValueError, match="`epochs` of stage 1 must not be fewer .* Received: epo"):
        fit(4)


def test_both_stages_go_on_or_neither(both, tmp_path):
    both.reset()
    both.fit(tmp_path, BackupAndRestore(tmp_path / "backup"))
    arguments = {"batch_size": 16, "validation_data": IMAGES[:20], "verbose": 0}
    arguments["callbacks"] = [BackupAndRestore(tmp_path / "backup")]
    with pytest.raises(ValueError, match="`second_stage_epochs` must be more than before"):
        both.model.fit(IMAGES, epochs=4, second_stage_epochs=4, **arguments)
    history = both.model.fit(IMAGES, epochs=4, second_stage_epochs=5, **arguments)
    assert history.epoch == [0, 1, 2, 3, 0, 1, 2, 3, 4]


def test_a_damaged_backup_is_named_and_the_one_before_is_used(first, tmp_path):
    first.reset()
    first.fit(tmp_path / "unbroken")
    expected = first.values()
    first.reset()
    with pytest.raises(KeyboardInterrupt):
        first.fit(tmp_path, BackupAndRestore(tmp_path / "backup"), 14)
    newest, before = BackupFolder(tmp_path / "backup", 2).paths()
    newest.write_bytes(newest.read_bytes()[:-1])
    first.reset(seed=1)
    with pytest.warns(UserWarning, match=f"A damaged backup was left out: {newest}"):
        first.fit(tmp_path, BackupAndRestore(tmp_path / "backup"))
    for ours, theirs in zip(first.values(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for path in BackupFolder(tmp_path / "backup", 2).paths():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="`folder` must hold a backup that is whole.*all are dam"):
        first.fit(tmp_path, BackupAndRestore(tmp_path / "backup"))


def test_a_full_disk_stops_the_backup_and_not_the_training(first, tmp_path, monkeypatch):
    first.reset()
    with pytest.raises(KeyboardInterrupt):
        first.fit(tmp_path, BackupAndRestore(tmp_path / "backup"), 8)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "backup").iterdir()}

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="could not be written .No space left on device."):
        history = first.fit(tmp_path, BackupAndRestore(tmp_path / "backup"))
    assert history.epoch == [0, 1, 2, 3]
    assert {path.name: path.read_bytes() for path in (tmp_path / "backup").iterdir()} == kept


class Replace(Interrupt):
    """Puts a file in the place of the folder after so many batches."""

    def __init__(self, batches, folder):
        super().__init__(batches)
        self.folder = folder

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            shutil.rmtree(self.folder)
            self.folder.write_text("mine")


def test_a_folder_that_is_lost_stops_the_backup_and_not_the_training(first, tmp_path):
    first.reset()
    expected = fit_first(first.model, verbose=0).history
    first.reset()
    callbacks = [BackupAndRestore(tmp_path / "backup"), Replace(9, tmp_path / "backup")]
    with pytest.warns(UserWarning, match="could not be written.*What stands is no backup"):
        assert fit_first(first.model, callbacks=callbacks, verbose=0).history == expected
    assert (tmp_path / "backup").read_text() == "mine"


def test_backups_can_be_seconds_apart(first, tmp_path):
    """Then beginnings and ends of stages are kept alone, if the training is faster."""
    first.reset()
    first.fit(tmp_path, BackupAndRestore(tmp_path / "backup", save_freq=1000, keep=9))
    assert len(list((tmp_path / "backup").iterdir())) == 2


@pytest.fixture
def ctrl_c_raises():
    """As in a terminal, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Kill(Interrupt):
    """A signal after so many batches, which ends the training."""

    def __init__(self, batches, number):
        super().__init__(batches)
        self.number = number

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    "number, error", [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_signals_end_a_training_with_a_message(
    number, error, first, tmp_path, capsys, ctrl_c_raises
):
    """The next fit of the same model goes on, as in a notebook."""
    first.reset()
    expected = fit_first(first.model, verbose=0).history
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    first.reset()
    backup = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(error) as raised:
        fit_first(first.model, callbacks=[backup, Kill(9, number)], verbose=0)
    assert getattr(raised.value, "code", 143) == 143
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    printed = capsys.readouterr().out
    assert "Interrupted in epoch 2 of stage 1." in printed and "goes on from there" in printed
    assert first.model.reconstruct(IMAGES[:2]).shape == (2, *tiny.IMAGE_SHAPE)
    assert fit_first(first.model, callbacks=[backup], verbose=0).history == expected


SECOND_CTRL_C = """
import os, runpy, signal, sys
interruptions = runpy.run_path(sys.argv[1])["interruptions"]
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
with interruptions(lambda: "interrupted"):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        print("not at once")
"""


def test_a_second_ctrl_c_ends_at_once():
    command = [sys.executable, "-c", SECOND_CTRL_C, interruptions.__file__]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT and done.stdout == ""
