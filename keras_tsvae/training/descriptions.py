"""What tells trainings apart: model, optimisers and data, in values that JSON can hold."""

import hashlib
import json
import pathlib
import weakref
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.latents.posteriors import Posteriors

_ROWS_AT_ONCE = 4096
_NAMES = ("name", "registered_name", "build_config", "shared_object_id")
_NAMES += ("inbound_nodes", "input_layers", "output_layers")  # of functional models
_LENGTHS = {"CosineDecay": "decay_steps", "PolynomialDecay": "decay_steps"}
_MOST_SHOWN = 8
FORMAT = 1  # of backups
_described: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def describe_fit(stage: keras.Model, data: Any, options: dict[str, Any]) -> Any:
    """Returns what tells the fit of a stage by hand from others.

    Args:
        stage: The stage.
        data: What it is trained on, in batches.
        options: Further arguments of its fit.
    """
    return {
        "model": describe_model(stage),
        "optimizer": describe_optimizer(stage.optimizer),
        "data": describe_data(data),
        "validation_data": describe_data(options.get("validation_data")),
        "steps_per_epoch": options.get("steps_per_epoch"),
    }


def describe_model(model: keras.Model) -> Any:
    """Returns the config of a model, without names, which differ from one model to the next.

    Nor is there how many epochs a preset has, so that a training can be made longer. Of a model
    that has no config it is the shapes of its weights alone.
    """
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
    except (NotImplementedError, TypeError, ValueError):
        config = {}
    config = _nameless(json.loads(json.dumps(config, default=str)))
    preset = config.get("config", {}).get("preset")
    for name in ("epochs", "second_stage_epochs") if preset else ():
        preset.pop(name, None)
    return {"weights": [list(weight.shape) for weight in model.weights], **config}


def describe_optimizer(optimizer: keras.optimizers.Optimizer | None) -> Any:
    """Returns the config of an optimiser, but for its name and the length of a schedule.

    It is that of the first call: callbacks change the learning rate during a training.
    """
    if optimizer is None:
        return None
    if optimizer not in _described:
        config = keras.saving.serialize_keras_object(optimizer)
        _described[optimizer] = _nameless(json.loads(json.dumps(config, default=str)))
    return _described[optimizer]


def describe_data(data: Any) -> Any:
    """Returns the digests of arrays; of batches that are read as they come, what is known of them.

    Args:
        data: An array, a list or tuple of them, `Posteriors`, `ArrayBatches`, a `tf.data.Dataset`,
            a `keras.utils.PyDataset`, or None.
    """
    if data is None:
        return None
    if isinstance(data, ArrayBatches):
        described = {"batch_size": data.batch_size, "steps": data.steps}
        described |= {"shuffle": data.seed is not None}
        return {**described, "arrays": describe_data(data.arrays)}
    if isinstance(data, Posteriors):
        return describe_data(data.arrays)
    if isinstance(data, (tuple, list)):
        return [describe_data(part) for part in data]
    if hasattr(data, "element_spec"):
        return {"batches": int(data.cardinality()), "of": str(data.element_spec)}
    if isinstance(data, keras.utils.PyDataset):
        return {"batches": data.num_batches, "of": "PyDataset"}
    array = np.asanyarray(data)
    digest = hashlib.sha256()
    for start in range(0, len(array), _ROWS_AT_ONCE):
        digest.update(np.ascontiguousarray(array[start : start + _ROWS_AT_ONCE]).tobytes())
    described = {"shape": list(array.shape), "dtype": str(array.dtype)}
    return {**described, "values": digest.hexdigest()[:16]}


def differences(before: Any, now: Any, path: str = "") -> list[str]:
    """Returns a line for each value in which two descriptions differ, at most eight.

    What is not in the one before at all is of a later version, of this package or of Keras.
    """
    lines = []
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before):
            inner = f"{path}.{key}".lstrip(".")
            lines += differences(before.get(key), now.get(key), inner)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, pair in enumerate(zip(before, now)):
            lines += differences(*pair, f"{path}[{number}]")
    elif before != now:
        lines.append(f"{path} was {_short(before)}, and is {_short(now)}")
    return lines[:_MOST_SHOWN]


def check_same_training(path: pathlib.Path, manifest: Any, description: Any) -> None:
    """Raises a `ValueError` unless a backup is of the training that is described."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else manifest
        raise ValueError(
            f"A backup must be of format {FORMAT}; those of newer versions of this package need "
            f"that version. Received: {path}, of format {_short(found)}"
        )
    different = differences(manifest.get("description"), description)
    if different:
        raise ValueError(
            "`folder` must hold backups of this training, or none: `restart=True` begins anew. "
            f"Received: {path}, of another training: {'; '.join(different)}"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:56]} ..."


def _nameless(config: Any) -> Any:
    """Returns a config without names, and without how long a schedule is."""
    if isinstance(config, list):
        return [_nameless(part) for part in config]
    if not isinstance(config, dict) or "DTypePolicy" in config.get("class_name", ""):
        return config  # a policy is its name
    length = _LENGTHS.get(config.get("class_name", ""))
    kept = {key: _nameless(part) for key, part in config.items() if key not in _NAMES}
    if length is not None and isinstance(kept.get("config"), dict):
        kept["config"].pop(length, None)
    return kept
