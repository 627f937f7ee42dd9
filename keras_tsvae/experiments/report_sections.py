"""The sections of a report, as HTML. Whatever comes from files is escaped."""

import base64
import html
import json
import shlex
import typing
from collections.abc import Iterable, Sequence

from keras_tsvae.evaluation import generation_report, obedience_report
from keras_tsvae.experiments.report_files import ReportFiles

_OVER_TIME = "_epoch_"
_CAPTIONS = {
    "samples_stage1": "Samples of the first stage alone",
    "samples_stage2": "Samples of both stages",
    "samples_mixture": "Samples of a mixture of Gaussians in place of the second stage",
    "reconstructions": "Test pictures and their reconstructions",
    "classes": "A row of samples of each class; the same noise along a column",
    "attributes": "Samples that were asked for an attribute",
    "spectrum": "How far the latent vectors are from N(0, I)",
    "curves": "Losses over the epochs",
}
_FEATURES = ("features", "protocol", "num_samples", "num_reference", "seed", "backend")


def pictures(named: dict[str, bytes]) -> str:
    """Returns all pictures, those over time folded away."""
    last = [_picture(name, png) for name, png in named.items() if _OVER_TIME not in name]
    earlier = [_picture(name, png) for name, png in named.items() if _OVER_TIME in name]
    text = _side_by_side(last)
    if earlier:
        text += f"<details><summary>Over time</summary>\n{_side_by_side(earlier)}</details>\n"
    return text


def evaluation(figures: dict[str, typing.Any]) -> str:
    """Returns the tables of an evaluation and what they depend on."""
    rows = figures.get("rows")
    text = _generation(rows) if isinstance(rows, list) else ""
    obedience = figures.get("obedience")
    if isinstance(obedience, dict):
        text += _obedience(obedience)
    if not text:
        return ""
    known = [f"{name} {figures[name]}" for name in _FEATURES if figures.get(name) is not None]
    lines = [figures.get("caption"), ", ".join(known)]
    return text + "".join(f'<p class="note">{_text(line)}</p>\n' for line in lines if line)


def how_to_sample(files: ReportFiles) -> str:
    """Returns commands and a script that draw from the run's model."""
    folder = files.folder.resolve().name
    data = files.config.get("data")
    labels = data.get("labels") if isinstance(data, dict) else None
    names = data.get("label_names") if isinstance(data, dict) else None
    first = names[0] if isinstance(names, list) and names else None
    conditional = _part(files.config, "model").get("conditions") is not None
    run = shlex.quote(folder)
    lines = ["# in the folder that holds this run", f"keras-tsvae sample {run} -n 64 -o new.png"]
    asked = ""
    if conditional and isinstance(first, str) and labels in ("classes", "attributes"):
        option = "--class" if labels == "classes" else "--with"
        lines.append(f"keras-tsvae sample {run} -n 64 {option} {shlex.quote(first)} -o asked.png")
        asked = ", condition=" + (repr(first) if labels == "classes" else repr({first: 1}))
    lines += [f"keras-tsvae explore {run}", "", "# or in Python", "import keras_tsvae as tsvae", ""]
    lines += [f"model = tsvae.load_model({folder + '/model.keras'!r})"]
    lines += [f"images = model.sample(64, seed=0{asked})"]
    return f"<pre>{_text(chr(10).join(lines))}</pre>\n"


def settings(config: dict[str, typing.Any]) -> str:
    """Returns all settings, a table for each part that has several."""
    alone = {name: value for name, value in config.items() if not isinstance(value, dict)}
    parts = [
        f"<section><h3>{_text(name)}</h3>\n{_definitions(value)}</section>"
        for name, value in config.items()
        if isinstance(value, dict)
    ]
    return _definitions(alone) + _side_by_side(parts)


def notes(lines: Sequence[str]) -> str:
    """Returns what could not be read."""
    return "".join(f"<p>{_text(line)}</p>\n" for line in lines)


def _generation(rows):
    """Returns the figures of all sets of images."""
    rows = [row for row in rows if isinstance(row, dict)]
    bounds = generation_report.BOUNDS
    columns = {
        key: title
        for key, title in generation_report.COLUMNS.items()
        if any(key in row or bounds.get(key) in row for row in rows)
    }
    table = []
    for row in rows:
        name = row.get("name")
        label = generation_report.LABELS.get(name, name) if isinstance(name, str) else ""
        cells = [_score(row, key, bounds.get(key)) for key in columns]
        table.append([label, _figure(row.get("num_samples")), *cells])
    return _table(["images", "how many", *columns.values()], table) if columns else ""


def _obedience(figures):
    """Returns whether a model shows what it is asked for."""
    each, mean = _part(figures, "each"), _part(figures, "mean")
    if not each:
        return ""
    columns = obedience_report.COLUMNS
    rows = {**each, "mean of the visible": mean}
    cells = [
        [name, *(_figure(row.get(key)) for key in columns)]
        for name, row in rows.items()
        if isinstance(row, dict)
    ]
    return f"<h3>As asked</h3>\n{_table(['condition', *columns.values()], cells)}"


def _score(row, key, bound):
    if bound is not None and row.get(bound) is not None:
        return f"≥ {_figure(row[bound])}"
    deviation = row.get(f"{key}_std")
    return _figure(row.get(key)) + ("" if deviation is None else f" ± {_figure(deviation)}")


def _figure(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else f"{value}"


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Returns a table of figures, which scrolls by itself where it is too wide."""
    head = "".join(f"<th>{_text(header)}</th>" for header in headers)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table class="figures">\n<tr>{head}</tr>\n{body}\n</table></div>\n'


def _definitions(values):
    """Returns a table of names and values; nothing of none."""
    rows = "\n".join(
        f"<tr><th>{_text(name)}</th><td>{_text(_words(value))}</td></tr>"
        for name, value in values.items()
        if value is not None
    )
    return f"<table>\n{rows}\n</table>\n" if rows else ""


def _words(value):
    """Returns a setting in words."""
    if isinstance(value, list) and not any(isinstance(part, (list, dict)) for part in value):
        return ", ".join(map(str, value))
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        return "..."


def _picture(name, png):
    label = _text(_CAPTIONS.get(name, name.replace("_", " ")))
    data = base64.b64encode(png).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f'<figure><img src="{source}" alt="{label}"><figcaption>{label}</figcaption></figure>'


def _side_by_side(parts):
    return '<div class="side">\n' + "\n".join(parts) + "\n</div>\n" if parts else ""


def _part(settings, name):
    """Returns one part of settings, empty if it is no dict."""
    part = settings.get(name)
    return part if isinstance(part, dict) else {}


def _text(value):
    return html.escape(str(value))
