"""Model cards: what a stranger is told of a model."""

import dataclasses
import json
import re
import typing

import keras

from keras_tsvae.evaluation.generation_report import BOUNDS, COLUMNS, LABELS
from keras_tsvae.hub.figures import Rows
from keras_tsvae.models import TwoStageVAE
from keras_tsvae.plots.asking import examples
from keras_tsvae.reading.keras_files import ASSETS
from keras_tsvae.saving.addresses import hugging_face
from keras_tsvae.version import __version__

CARD = "README.md"
_TASK = "unconditional-image-generation"  # the nearest that the hub knows, of conditions as well
_TAGS = ("keras", "keras_tsvae", "two-stage-vae", "vae", "image-generation")
_ALWAYS = ("batch_size", "gamma", "learning_rate")  # settings of a preset, also its defaults
_ELSEWHERE = ("conditions", "condition_dim", "condition_names", "dataset", "image_shape")
_REAL = ("train", "gaussian")  # rows that are not of what the model makes
_DATASET = re.compile(r"[\w.-]+(/[\w.-]+)?")  # what the hub takes
_LINE = 300  # characters of a setting at the most
_ALTERNATIVES = {
    "samples.png": "64 samples of both stages",
    "conditions.png": "Samples under conditions",
    "curves.png": "Loss and gamma of both stages over the epochs",
}


@dataclasses.dataclass(frozen=True)
class Told:
    """What is known of a model besides itself.

    Args:
        address: Where it will be loaded from.
        rows: Figures by the names of sets of images.
        caption: What all figures have in common.
        dataset: Name of the data set, or None.
        license: Identifier of a licence, or None.
        history: Losses of each epoch, by names such as `"stage1_loss"`.
        settings: Further settings of the training.
    """

    address: str
    rows: Rows
    caption: str
    dataset: str | None
    license: str | None
    history: dict[str, list[float]]
    settings: dict[str, typing.Any]


def model_card(model: TwoStageVAE, told: Told, pictures: list[str]) -> str:
    """Returns the text of a card: front matter in YAML, and Markdown.

    Args:
        model: The model.
        told: What is known besides.
        pictures: Names of the files in `assets/`.
    """
    name = told.address.partition("://")[2].partition("@")[0].rpartition("/")[2]
    hub = hugging_face("a model card")
    matter = hub.ModelCardData(
        license=told.license,
        library_name="keras",
        tags=[*_TAGS, *(["conditional"] if model.takes_conditions else [])],
        datasets=[told.dataset] if _DATASET.fullmatch(told.dataset or "") else None,
        pipeline_tag=_TASK,
        model_name=name,
        eval_results=_fids(hub, told) or None,
    )
    parts = [f"# {name}", _what(model, told), _picture("samples.png", pictures), _use(model, told)]
    if told.rows:
        parts += ["## Figures", _table(told.rows), *map(_plain, told.caption.splitlines())]
    conditions = getattr(model, "conditions", None)
    if conditions is not None:
        parts += ["## Conditions", _conditions(conditions), _picture("conditions.png", pictures)]
    parts += ["## Training", _picture("curves.png", pictures), _list(_settings(model, told))]
    return f"---\n{matter.to_yaml()}\n---\n\n" + "\n\n".join(filter(None, parts)) + "\n"


def _fids(hub, told):
    """Returns the FIDs of what the model makes, for `model-index`."""
    dataset = told.dataset or "unknown"
    return [
        hub.EvalResult(
            task_type=_TASK,
            dataset_type=dataset,
            dataset_name=dataset,
            metric_type="fid",
            metric_name=f"FID, {LABELS.get(name, name)}",
            metric_value=round(row["fid"], 4),
            metric_args={
                **{key: int(row[key]) for key in ("num_samples", "num_reference") if key in row},
                **({"measured": told.caption.splitlines()[0]} if told.caption else {}),
            },
        )
        for name, row in told.rows.items()
        if "fid" in row and name not in _REAL
    ]


def _what(model, told):
    height, width, channels = model.image_shape
    of = f" It was trained on {_plain(told.dataset)}." if told.dataset else ""
    asked = " of what one asks for" if model.takes_conditions else ""
    return (
        "A Two-Stage VAE ([Dai & Wipf, 2019](https://arxiv.org/abs/1903.05789)) that draws images"
        f"{asked}, {height} x {width} of {channels} channel{'s' if channels > 1 else ''}.{of}"
    )


def _use(model, told):
    height, width, channels = model.image_shape
    shape = f"(64, {height}, {width}, {channels})"
    asked = "".join(
        f", condition={condition!r}" for condition in list(examples(model).values())[:1]
    )
    lines = [
        "import keras",
        "import keras_tsvae as tsvae",
        f'model = tsvae.TwoStageVAE.from_preset("{told.address}")',
        f"images = model.sample(64, seed=0{asked})  # {shape} in [0, 1]",
        'keras.utils.array_to_img(images[0]).save("sample.png")',
    ]
    code = "\n".join(["```python", *lines, "```"])
    return (
        f"## Use\n\nWith the Python package `keras_tsvae` {__version__} or later, on TensorFlow or "
        f"JAX:\n\n{code}"
    )


def _conditions(conditions):
    names = conditions.names or []
    listed = f": {', '.join(map(_plain, names))}" if names else ""
    if conditions.kind == "number":
        return "One number."
    kind = "numbers of a vector" if conditions.kind == "vector" else conditions.kind
    return f"{conditions.size} {kind}{listed}."


def _table(rows):
    known = {key for row in rows.values() for key in row}
    columns = [key for key in COLUMNS if {key, BOUNDS.get(key)} & known]
    lines = [
        ["images", *(COLUMNS[key] for key in columns)],
        ["---", *("---:" for _ in columns)],
        *(
            [_plain(LABELS.get(name, name)), *(_cell(row, key) for key in columns)]
            for name, row in rows.items()
        ),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(row, key):
    bound = row.get(BOUNDS.get(key, ""))
    if bound is not None:
        return f"≥ {bound:.4g}"
    return "" if key not in row else f"{row[key]:.4g}"


def _settings(model, told):
    """Returns what is known of model and training, by name."""
    first, second = model.first_stage, model.second_stage
    known: dict[str, typing.Any] = {
        "class": type(model).__name__,
        "latent_dim": model.latent_dim,
        "encoder": type(first.encoder).__name__,
        "decoder": type(first.decoder).__name__,
        "likelihood": first.likelihood,
        "second stage": type(second).__name__,
        "parameters": f"{first.count_params():,} + {second.count_params():,}",
        "dtype_policy": first.dtype_policy.name,
    }
    if model.preset is not None:
        known |= {
            ("preset" if field.name == "name" else field.name): value
            for field in dataclasses.fields(model.preset)
            if field.name not in _ELSEWHERE
            if (value := getattr(model.preset, field.name)) != field.default
            or field.name in _ALWAYS
        }
    for number, stage in enumerate((first, second), 1):
        if stage.compiled:
            rate = float(keras.ops.convert_to_numpy(stage.optimizer.learning_rate))
            kind = type(stage.optimizer).__name__
            known[f"stage{number} optimizer"] = f"{kind}, learning rate {rate:.3g} at last"
        losses = told.history.get(f"stage{number}_loss")
        if losses:
            known[f"stage{number} epochs trained"] = len(losses)
            known[f"stage{number} loss at last"] = f"{losses[-1]:.4g}"
    return {**known, **told.settings, "versions": _versions()}


def _versions():
    backend = keras.backend.backend()
    return f"keras_tsvae {__version__}, Keras {keras.__version__}, {backend}"


def _list(settings):
    lines = [f"- {_plain(name)}: {_plain(_text(value))}" for name, value in settings.items()]
    return "\n".join(lines)


def _text(value):
    return json.dumps(value, default=str) if isinstance(value, (dict, list, tuple)) else value


def _picture(name, pictures):
    return f"![{_ALTERNATIVES[name]}]({ASSETS}/{name})" if name in pictures else ""


def _plain(text: typing.Any) -> str:
    """Returns text of one line in which Markdown finds nothing."""
    text = " ".join(str(text).split())
    text = text if len(text) <= _LINE else f"{text[: _LINE - 3]}..."
    return re.sub(r"([\\`*_|<>\[\]#])", r"\\\1", text)
