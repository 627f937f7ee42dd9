"""An experiment's training, from its pictures to the files of a run."""

import typing
from collections.abc import Callable, Sequence

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.callbacks import BackupAndRestore, SampleGrid
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.split import Split
from keras_tsvae.experiments.drawing import Figures, write_pictures
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.experiments.facts import check_enough, facts_of
from keras_tsvae.experiments.report import write_report
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.files import written_beside
from keras_tsvae.models import TwoStageVAE

_BACKUP_SECONDS = 60
_WATCHED = 2000  # test images whose active units are counted
_SHOWN = 64
_GRIDS = 10  # of samples, in the course of a stage


def train(
    experiment: Experiment,
    output: PathLike,
    *,
    restart: bool = False,
    verbose: int = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    figures: Callable[[TwoStageVAE, ImageData], Figures] | None = None,
    data: ImageData | None = None,
    facts: dict[str, typing.Any] | None = None,
    command: str | None = None,
) -> TwoStageVAE:
    """Trains an experiment's model and writes the folder of its run (see `experiments`).

    Killed and called again, it goes on where it was interrupted, and ends with the weights of a
    training that was not, as `BackupAndRestore` has it; more epochs make it longer.

    Args:
        experiment: An `Experiment`.
        output: Path of the folder; it may hold a run of the same experiment, and nothing else.
        restart: Whether to begin anew, whatever was trained there. Defaults to False.
        verbose: As in `keras.Model.fit`; 0 says nothing. Defaults to 2.
        callbacks: Further callbacks, of both stages.
        figures: Function of the trained model and its pictures to further figures of matplotlib,
            by the names of their files. Defaults to None.
        data: The pictures, if they are at hand. Defaults to None: they are loaded.
        facts: What `config.json` shall say of them besides. Defaults to None.
        command: What `config.json` gives as the command. Defaults to None: the arguments of this
            process.

    Returns:
        The trained model.

    Raises:
        ValueError: If `output` holds something else, or the run of another experiment, or there
            are too few pictures.
    """
    run = RunFolder(output)
    run.check(experiment, restart)
    data = experiment.data.load() if data is None else data
    check_enough(len(data.train), len(data.test), experiment.model.batch_size)
    run.begin(experiment, {**facts_of(data), **(facts or {})}, restart, command)
    keras.utils.set_random_seed(experiment.fit.seed)
    model = experiment.make_model()
    history = _fit(model, run, data, restart, verbose, callbacks)
    model.save(run.model, include_optimizer=False)
    if experiment.model.second_stage != "mixture":
        model.fit_mixture(data.train, seed=0)
        model.save(run.model, include_optimizer=False)
    write_pictures(run, model, data, history, {} if figures is None else figures(model, data))
    if keras.backend.backend() == "tensorflow":
        with written_beside(run.saved_model) as partial:
            model.export(partial)
    write_report(run.path)
    return model


def _fit(model, run, data, restart, verbose, callbacks):
    """Trains both stages, keeping backup and losses; returns all epochs' losses."""
    preset, x = model.preset, batches(data.train, model.preset.batch_size)
    watched, shown = data.test.images[:_WATCHED], data.test.images[:_SHOWN]

    def count_active(epoch, epoch_logs):
        epoch_logs["active_units"] = model.posteriors(watched).active_units()

    def of_stage(stage, epochs):
        grids = SampleGrid(run.pictures, every=max(1, epochs // _GRIDS), images=shown)
        return [keras.callbacks.CSVLogger(run.table(stage)), grids, *callbacks]

    history = model.fit(
        x,
        batch_size=preset.batch_size if isinstance(x, Split) else None,
        epochs=preset.epochs,
        second_stage_epochs=preset.second_stage_epochs,
        second_stage_batch_size=preset.second_stage_batch_size,
        validation_data=data.test if isinstance(x, Split) else batches(data.test, 256, False),
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=count_active),
            *of_stage(1, preset.epochs),
            BackupAndRestore(run.backup, _BACKUP_SECONDS, restart=restart),
        ],
        second_stage_callbacks=of_stage(2, preset.second_stage_epochs),
        verbose=verbose,
    )
    return history.history


def batches(split: Split, batch_size: int, training: bool = True) -> typing.Any:
    """Returns what a fit takes: a split as it is, or batches of it where images are mirrored."""
    return split.tf_dataset(batch_size, training) if split.flip_in_training else split
