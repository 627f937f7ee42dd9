"""The figures of `second_stages.py`, as files, a table, plots and pictures."""

import io
import json
import statistics

import keras
import numpy as np
import record
import rich.console
import rich.table
from PIL import Image
from second_stage_judge import NORMAL

import keras_tsvae as tsvae
from keras_tsvae import plots

FIGURES = (
    "fid",
    "kid",
    "precision",
    "recall",
    "nats",
    "replay",
    "draws_per_second",
    "parameters",
)
PANELS = {NORMAL: "stage 1", "vae": "VAE", "mixture, 10": "mixture of 10"}
MOST_BYTES = 150_000


def save(path, facts, points, judge):
    """Writes figures as JSON, with what `Judge.diagnosis` tells, and pictures beside them."""
    facts = {**facts, "diagnosis": judge.diagnosis()}
    record.save(path, [keras, tsvae], **facts, points=points)
    images = {name: np.rint(255 * images) for name, images in judge.pictures.items()}
    images = {name: array.astype("uint8") for name, array in images.items()}
    np.savez_compressed(_beside(path, "_samples.npz"), **images)


def join(paths, output):
    """Makes one file of those that several processes have saved; draws and prints it all."""
    parts = [json.loads(path.read_text()) for path in paths]
    points, whole, pictures = parts[0]["points"], parts[0], {}
    for path, part in zip(paths, parts):
        if part is not whole:
            points += [point for point in part["points"] if "budget" in point]
        for key in ("lost", "shares"):
            others = part["diagnosis"][key].items()
            whole["diagnosis"][key] |= {k: v for k, v in others if k not in whole["diagnosis"][key]}
        with np.load(_beside(path, "_samples.npz")) as file:
            pictures |= {name: file[name] for name in file if name not in pictures}
    output.write_text(json.dumps(whole, indent=1) + "\n")
    draw(points, pictures, output)
    show(points)


def draw(points, pictures, path):
    """Draws FID and nats over seconds, and samples, into files beside that of the figures."""
    if any("budget" in point for point in points):
        draw_curves(points, path.with_suffix(".png"))
        draw_samples(pictures, points, _beside(path, "_samples.png"))


def show(points):
    """Prints medians over seeds."""
    table = rich.table.Table("", "seconds", "seeds", *FIGURES)
    groups = {}
    for point in points:
        groups.setdefault((point["name"], point.get("budget")), []).append(point)
    for (name, _), group in groups.items():
        cells = []
        for figure in ("seconds", *FIGURES):
            values = [point[figure] for point in group if point.get(figure) is not None]
            cells.append(f"{statistics.median(values):.4g}" if values else "")
        table.add_row(name, cells[0], str(len(group)), *cells[1:])
    rich.console.Console(width=130).print(table)


def draw_curves(points, path):
    """Plots FID and nats over seconds of training."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    trained = [point for point in points if "budget" in point]
    for axis, key, label in zip(axes, ("fid", "nats"), ("FID", "held-out log p(z), nats")):
        for name in dict.fromkeys(point["name"] for point in trained):
            mine = [point for point in trained if point["name"] == name and point[key] is not None]
            budgets = sorted({point["budget"] for point in mine})
            of = [[p for p in mine if p["budget"] == budget] for budget in budgets]
            seconds = [statistics.median(p["seconds"] for p in group) for group in of]
            axis.plot(seconds, [statistics.median(p[key] for p in g) for g in of], "o-", label=name)
        axis.set(xlabel="seconds of training", ylabel=label, xscale="log")
    axes[0].set_yscale("log")
    axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=120)


def draw_samples(pictures, points, path):
    """Draws samples in four panels, the last of the best other one, as many as make a small file.

    The best is that of the least FID.
    """
    panels = {title: pictures[name] for name, title in PANELS.items() if name in pictures}
    others = [point for point in points if "budget" in point and point["name"] not in PANELS]
    if others:
        best = min(others, key=lambda point: point["fid"])["name"]
        panels[best] = pictures[best]
    dpi = max(100, 2 * pictures[NORMAL].shape[1])
    for shown in (32, 24, 16, 8):
        few = {title: images[:shown] for title, images in panels.items()}
        drawn = io.BytesIO()
        plots.side_by_side(few, columns=4).savefig(drawn, dpi=dpi)
        Image.open(drawn).convert("RGB").quantize(128).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return


def _beside(path, ending):
    return path.with_name(path.stem + ending)
