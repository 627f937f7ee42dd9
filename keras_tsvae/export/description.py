"""What a folder of exported functions says of itself: `functions.json` and a README."""

import json
import pathlib
from typing import Any

import keras

from keras_tsvae.export.batch_functions import BatchFunction
from keras_tsvae.export.formats import LIST
from keras_tsvae.version import __version__

_NOISE = "standard normal noise"
_CONDITIONS = {  # how each kind is coded: its range, and in words
    "attributes": ([-1.0, 1.0], "+1 for what is there, -1 for what is not"),
    "classes": ([0.0, 1.0], "one-hot"),
    "number": (None, "the number as it is"),
    "vector": (None, "the vector as it is"),
}
_READERS = {"onnx": "ONNX Runtime (`onnxruntime`)", "litert": "LiteRT (`ai-edge-litert`)"}
_NOTES = {
    "onnx": "",
    "litert": "\nMake an interpreter for each size of batch: in one whose batches grow, XNNPACK's "
    "results are\nwrong now and then.\n",
}
_PROGRAMS = {
    "onnx": """\
import numpy as np
import onnxruntime

sample = onnxruntime.InferenceSession("sample.onnx")
noise = np.random.default_rng(0).standard_normal((2, 16, {latent_dim}), "float32")
(images,) = sample.run(None, {{{arguments}}})""",
    "litert": """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter

sample = Interpreter("sample.tflite").get_signature_runner("sample")
noise = np.random.default_rng(0).standard_normal((2, 16, {latent_dim}), "float32")
images = sample(**{{{arguments}}})["images"]""",
}


def describe(
    model: keras.Model,
    functions: list[BatchFunction],
    folder: pathlib.Path,
    format: str,
    suffix: str,
) -> None:
    """Writes `functions.json` and `README.md` into a folder.

    Args:
        model: The `TwoStageVAE` whose functions are there.
        functions: Those.
        folder: Path of the folder.
        format: `"onnx"` or `"litert"`.
        suffix: With which the names of the files end.
    """
    kind = None if model.condition_dim is None else model.conditions.kind
    listed = {
        "format": format,
        "keras_tsvae": __version__,
        "image_shape": list(model.image_shape),
        "latent_dim": model.latent_dim,
        "conditions": None if kind is None else _of_conditions(model.conditions),
        "functions": {
            function.name: {
                "file": f"{function.name}{suffix}",
                "inputs": [_entry(*item, kind) for item in function.inputs.items()],
                "outputs": [_entry(*item, kind) for item in function.outputs.items()],
            }
            for function in functions
        },
    }
    (folder / LIST).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(listed), encoding="utf-8")


def _of_conditions(conditions: Any) -> dict[str, Any]:
    """Returns what is to be known of a `keras_tsvae.conditions.Condition`."""
    return {
        "kind": conditions.kind,
        "size": conditions.size,
        "names": conditions.names and list(conditions.names),
        "coded": _CONDITIONS[conditions.kind][1],
    }


def _entry(name: str, shape: tuple[int, ...], kind: str | None) -> dict[str, Any]:
    """Returns what is to be known of an array: `range` is None where any number may stand."""
    bounds, meaning = {
        "u": (None, _NOISE),
        "noise": (None, _NOISE),
        "z": (None, "latent vectors"),
        "mean": (None, "posterior means"),
        "std": ([0.0, None], "posterior standard deviations"),
    }.get(name, ([0.0, 1.0], "images, batch by height by width by channels"))
    if "condition" in name and kind is not None:
        bounds, meaning = _CONDITIONS[kind][0], f"coded conditions: {_CONDITIONS[kind][1]}"
    return {
        "name": name,
        "dtype": "float32",
        "shape": ["batch", *shape],
        "range": bounds,
        "meaning": meaning,
    }


def _readme(listed: dict[str, Any]) -> str:
    """Returns the text for people."""
    rows = [
        f"| `{entry['file']}` | {_names(entry['inputs'])} | {_names(entry['outputs'])} |"
        for entry in listed["functions"].values()
    ]
    arguments = '"u": noise[0], "noise": noise[1]'
    taken = [entry["name"] for entry in listed["functions"]["sample"]["inputs"]]
    program = _PROGRAMS[listed["format"]].format(
        latent_dim=listed["latent_dim"],
        arguments=arguments + ', "condition": condition' * ("condition" in taken),
    )
    note = _NOTES[listed["format"]]
    reader, conditions = _READERS[listed["format"]], listed["conditions"]
    said = ""
    if conditions:
        said = f"\nA condition has {conditions['size']} columns, {conditions['coded']}"
        said += f": {', '.join(conditions['names'])}.\n" if conditions["names"] else ".\n"
    return f"""\
# A Two-Stage VAE for {reader}

Written by `keras_tsvae` {listed["keras_tsvae"]}. Each file is one function of float32 batches of
any size; nothing is drawn inside: noise is an input, so that equal noise gives equal images.
`{LIST}` lists shapes, ranges and meanings.

| file | takes | gives |
|---|---|---|
{chr(10).join(rows)}

Images are float32 in [0, 1]; `u` and `noise` are standard normal; z of `decode` alone, standard
normal, gives samples of the first stage.
{note}{said}
```python
{program}
```
"""


def _names(entries):
    return ", ".join(f"`{entry['name']}` {tuple(entry['shape'][1:])}" for entry in entries)
