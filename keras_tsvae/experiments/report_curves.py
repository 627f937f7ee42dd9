"""Training curves as SVG, for a page without scripts."""

import html
import math
from collections.abc import Sequence

_WIDTH, _HEIGHT = 400, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 24, 24
_POINTS = 400  # of a curve at the most
_VALIDATION = "val_"
_FIRST = ("loss", "mse", "gamma", "kl", "nll")


def curves(table: dict[str, list[float]]) -> str:
    """Returns one drawing for each quantity of a stage, as SVG, its validation in it.

    Quantities that are positive throughout and span more than a factor of ten have a logarithmic
    axis.

    Args:
        table: Dict from names such as `"loss"` and `"val_loss"` to one value for each epoch.
    """
    names = [name for name in table if name != "epoch" and not name.startswith(_VALIDATION)]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    drawings = (_drawing(name, table[name], table.get(_VALIDATION + name, ())) for name in names)
    return "\n".join(drawing for drawing in drawings if drawing)


def _drawing(name: str, training: Sequence[float], validation: Sequence[float]) -> str:
    """Returns the curves of one quantity, or nothing if no value is finite."""
    known = [value for value in (*training, *validation) if math.isfinite(value)]
    if not known:
        return ""
    logarithmic = min(known) > 0 and max(known) > 10 * min(known)
    scale = math.log if logarithmic else float
    low, high = scale(min(known)), scale(max(known))
    high = high if high > low else low + 1

    def place(epoch, value):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * epoch / max(len(training) - 1, 1)
        share = (scale(value) - low) / (high - low)
        return x, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share

    lines = [
        _line(kind, [place(i, v) for i, v in _thinned(values) if math.isfinite(v)])
        for kind, values in (("validation", validation), ("training", training))
    ]
    label = html.escape(f"{name}, {_figure(training[-1])} at last" if training else name)
    texts = [
        _text(_LEFT, 14, label),
        _text(_LEFT - 6, _TOP + 8, _figure(max(known)), "end"),
        _text(_LEFT - 6, _HEIGHT - _BOTTOM, _figure(min(known)), "end"),
        _text(_LEFT, _HEIGHT - 8, "epoch 1"),
        _text(_WIDTH - _RIGHT, _HEIGHT - 8, f"{len(training)}", "end"),
    ]
    if validation:
        texts.append(_text(_WIDTH - _RIGHT - 64, 14, "training", "end", "training"))
        texts.append(_text(_WIDTH - _RIGHT, 14, "validation", "end", "validation"))
    body = "\n".join((*lines, *texts))
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">\n{body}\n</svg>'


def _thinned(values):
    """Returns pairs of epochs, from 0, and values, every so many of them and the last."""
    step = -(-len(values) // _POINTS)
    pairs = list(enumerate(values))
    return pairs if step <= 1 else [*pairs[:-1:step], pairs[-1]]


def _line(kind, points):
    if len(points) == 1:
        (x, y), *_ = points
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>'


def _text(x, y, text, anchor="start", kind=""):
    style = f' style="fill: var(--{"first" if kind == "training" else "second"})"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{text}</text>'


def _figure(value):
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
