"""Whole experiments: pictures, model, fit and evaluation as data, and the folder of a run.

    >>> from keras_tsvae import experiments
    >>> experiment = experiments.choose("folder/of/pictures", budget="30m")
    >>> model = experiments.train(experiment, "runs/mine")
    >>> print(experiments.evaluate("runs/mine", features="judge"))

The folder of a run, in which everything is there whole or not at all:

- `config.json`: `command`, `created` and `versions`; `data`, where the pictures come from, with
  their `image_shape`, `num_train`, `num_test`, `labels`, `label_names` and `resize`; `model`, a
  preset; `fit`; `evaluation`;
- `stage1.csv`, `stage2.csv`: the losses of each epoch;
- `model.keras`, and on TensorFlow `saved_model/`;
- `pictures/`: `stage1_epoch_0010.png` and so on, samples of the same noise over time, and
  `..._reconstructions.png`; at the end `samples_stage1.png`, `samples_stage2.png`,
  `samples_mixture.png`, `reconstructions.png`, `curves.png`, `spectrum.png`, and of a conditional
  model `classes.png` or `attributes.png`;
- `evaluation.json`, after an evaluation: its settings, `rows`, figures of each set of images by its
  `name`, `caption`, and `obedience`; and `judge.keras`, where a judge was trained;
- `report.html`: all of that on one page, see `write_report`;
- `backup/`: what an interrupted training goes on from.
"""

from keras_tsvae.experiments.data_settings import DataSettings
from keras_tsvae.experiments.evaluating import Evaluation, evaluate
from keras_tsvae.experiments.evaluation_settings import EvaluationSettings
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.experiments.fit_settings import FitSettings
from keras_tsvae.experiments.plan import choose
from keras_tsvae.experiments.report import write_report
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.experiments.script import run_script
from keras_tsvae.experiments.training import train

__all__ = [
    "DataSettings",
    "Evaluation",
    "EvaluationSettings",
    "Experiment",
    "FitSettings",
    "RunFolder",
    "choose",
    "evaluate",
    "run_script",
    "train",
    "write_report",
]
