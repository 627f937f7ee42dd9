"""How both stages are fitted in turn, once it is decided what is to be done."""

import dataclasses
import typing

import keras

from keras_tsvae import inputs
from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.inputs.images import Images
from keras_tsvae.models.stage_fit import StageFit
from keras_tsvae.training.divergence import diverged
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

    def run(self, x: Images, validation_data: typing.Any = None) -> keras.callbacks.History:
        """Fits the first stage on images, encodes them, and fits the second on that.

        Returns:
            The whole model's history.
        """
        whole, first, second = self.whole, self.first, self.second
        whole.history = self._history()
        if first.runs:
            first.run(whole, x, validation_data, self.verbose)
            whole.check_mixture()  # that of the former first stage
        if second.runs:
            encode, options = whole.first_stage.posteriors, {"verbose": self.verbose}
            options["condition_dim"] = whole.condition_dim
            try:
                posteriors = encode(x, **options, **self.storage)
            except DivergedError as error:
                if not first.runs:  # the model came so
                    raise
                raise diverged("stage 1", first.epochs - 1, "its posteriors are NaN") from error
            if validation_data is not None:
                validation_data = encode(validation_data, **options)
                self._cap_validation(len(validation_data))
            if not x.is_array:  # whose number of images need not be known before
                second.batch_size = min(second.batch_size or len(posteriors), len(posteriors))
            earlier = first.callbacks if first.runs else ()
            second.run(whole, posteriors, validation_data, self.verbose, earlier)
        return whole.history

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
