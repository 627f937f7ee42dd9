"""How both stages are fitted in turn, once it is decided what is to be done."""

import contextlib
import dataclasses
import typing
from collections.abc import Iterator

import keras

from keras_tsvae import inputs
from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.inputs.images import Images
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.stage_fit import StageFit
from keras_tsvae.saving.digests import weights_digest
from keras_tsvae.training.descriptions import describe_data, describe_model, describe_optimizer
from keras_tsvae.training.divergence import diverged
from keras_tsvae.training.no_backup import NoBackup
from keras_tsvae.training.schedules import REMEDY, warn_of_schedule


@dataclasses.dataclass
class FitPlan:
    """What `TwoStageVAE.fit` is to do, checked."""

    whole: keras.Model
    first: StageFit
    second: StageFit
    batch_size: int
    storage: dict[str, typing.Any]
    verbose: int | str
    backup: NoBackup

    def run(self, x: Images, validation_data: typing.Any = None) -> keras.callbacks.History:
        """Fits the first stage on images, encodes them, and fits the second on that.

        Returns:
            The whole model's history.
        """
        whole, first, second, backup = self.whole, self.first, self.second, self.backup
        whole.history = self._history()
        if self._is_done(first):
            first.recall(whole, backup)
            if first.options["steps_per_epoch"] is None:
                backup.skip(whole.first_stage.title, x.data, getattr(validation_data, "data", None))
        elif first.runs:
            first.run(whole, x, validation_data, self.verbose, backup)
            whole.check_mixture()  # that of the former first stage
        if self._is_done(second):
            second.recall(whole, backup)
        elif second.runs:
            posteriors = self._posteriors(x)
            if validation_data is not None:
                validation_data = self._encoded(validation_data)
                self._cap_validation(len(validation_data))
            if not x.is_array:  # whose number of images need not be known before
                second.batch_size = min(second.batch_size or len(posteriors), len(posteriors))
            earlier = first.callbacks if first.runs else ()
            second.run(whole, posteriors, validation_data, self.verbose, backup, earlier)
        return whole.history

    @contextlib.contextmanager
    def begun(
        self, x: Images, validation_data: typing.Any = None, **further: typing.Any
    ) -> Iterator[None]:
        """A context in which the training is backed up, and the model has what is kept of it.

        Args:
            x: `Images`.
            validation_data: `Images` or None.
            **further: What else tells this training from others.
        """
        with self.backup:
            self.backup.begin(self.whole, lambda: self._description(x, validation_data, further))
            self._check_goes_on()
            yield

    @property
    def is_done(self) -> bool:
        """Whether all that is asked for has been done by earlier calls."""
        running = [fit for fit in (self.first, self.second) if fit.runs]
        return bool(running) and all(map(self._is_done, running))

    def _is_done(self, fit):
        return fit.runs and self.backup.is_done(self.whole.stages()[fit.name].title, fit.epochs)

    def _check_goes_on(self):
        """Raises if the second stage would stay what it has learned of the first as it was."""
        first, second = self.first, self.second
        if self._is_done(second) and first.runs and not self._is_done(first):
            raise ValueError(
                "`second_stage_epochs` must be more than before where `epochs` are: the second "
                "stage has learned what the first one was before. "
                f"Received: epochs={first.epochs}, second_stage_epochs={second.epochs}"
            )

    def _posteriors(self, x):
        """Returns the posteriors of the training images: encoded, or of an earlier call."""
        path = self.storage["path"]
        makers = (self.whole.first_stage, getattr(self.whole, "recognizer", None))
        made_of = " ".join(weights_digest(part) for part in makers if part is not None)
        if path is not None and self.backup.kept_file("posteriors", path, made_of):
            return Posteriors.load(path)
        try:
            posteriors = self._encoded(x, **self.storage)
        except DivergedError as error:
            if not self.first.runs:  # the model came so
                raise
            raise diverged("stage 1", self.first.epochs - 1, "its posteriors are NaN") from error
        if path is not None:
            self.backup.keep_file("posteriors", path, made_of)
        return posteriors

    def _encoded(self, x, **storage):
        whole = self.whole
        options = {"verbose": self.verbose, "condition_dim": whole.condition_dim}
        return whole.first_stage.posteriors(x, **options, **storage)

    def _description(self, x, validation_data, further):
        """Returns what tells this training from others, in values that JSON can hold."""
        whole, described = self.whole, dict(further)
        for name, part in (("data", x), ("validation_data", validation_data)):
            described[name] = describe_data(part and part.data)
            if whole.takes_conditions:
                described[f"{name}_conditions"] = describe_data(part and part.labels)
        for fit in (self.first, self.second):
            described[fit.name] = {
                "optimizer": describe_optimizer(whole.stages()[fit.name].optimizer),
                "batch_size": fit.batch_size,
                "steps_per_epoch": fit.options["steps_per_epoch"],
                "shuffle": fit.options["shuffle"],
            }
        return {"model": describe_model(whole), **described}

    def check(self, x: Images, validation_data: typing.Any) -> None:
        """Raises a `ValueError` unless both stages can be trained and validated on that.

        It warns of learning rate schedules that are not as long as the fit.

        Args:
            x: `Images`.
            validation_data: `Images`, or coded ones with their conditions, or None.
        """
        if validation_data is not None:
            data = inputs.as_images(validation_data, "validation_data")
            size = self.first.options["validation_batch_size"] or self.batch_size
            inputs.images_for_fit(
                data,
                size if data.is_array else None,
                self.whole.image_shape,
                training=False,
                condition_dim=self.whole.first_stage.condition_dim,
            )
        if x.is_array:
            _check_sizes(self.whole, len(x.data), self.first, self.second)
        _warn_of_schedules(self.whole, x, self.first, self.second)

    def _cap_validation(self, rows):
        steps, second = self.second.options["validation_steps"], self.second
        if steps is not None:
            size = second.options["validation_batch_size"] or second.batch_size
            second.options["validation_steps"] = min(steps, -(-rows // size))

    def _history(self):
        history = keras.callbacks.History()
        history.set_model(self.whole)
        history.epoch = []
        history.params = {
            "verbose": self.verbose,
            "epochs": self.first.epochs,
            "steps": None,
            "second_stage_epochs": self.second.epochs,
            "second_stage_steps": None,
        }
        return history


def _check_sizes(whole, rows, *fits):
    """Raises a `ValueError` unless each stage that is fitted has a whole batch of arrays."""
    for fit, name in zip(fits, ("batch_size", "second_stage_batch_size")):
        if not fit.runs:
            continue
        if rows < fit.batch_size:
            raise ValueError(
                f"`{name}` must not exceed the number of examples: an epoch drops its last "
                f"partial batch. Received: {name}={fit.batch_size} for {rows} examples"
            )
        whole.stages()[fit.name].check_batch_size(name, fit.batch_size)


def _warn_of_schedules(whole, x, first, second):
    """Warns of learning rate schedules that are not as long as the fit."""
    preset = whole.preset
    rows = len(x.data) if x.is_array else None
    batches = rows // first.batch_size if x.is_array else inputs.num_batches(x, None)
    batches = first.options["steps_per_epoch"] or batches
    lengths, remedy = (None, None), REMEDY
    if preset is not None:
        remedy = (
            "give `from_preset` the `epochs`, `second_stage_epochs`, `batch_size` and "
            "`train_size` of the fit, or the fit those of the preset"
        )
        if preset.schedule == "halved":
            epochs = (preset.epochs, preset.second_stage_epochs)
            lengths = [n * steps for n, steps in zip(epochs, preset.steps_per_epoch)]
    for fit, steps, length, title in (
        (first, batches, lengths[0], "stage 1"),
        (second, None if rows is None else rows // second.batch_size, lengths[1], "stage 2"),
    ):
        if fit.runs and steps:
            steps *= fit.epochs - fit.initial_epoch
            warn_of_schedule(title, whole.stages()[fit.name].optimizer, steps, remedy, length)
