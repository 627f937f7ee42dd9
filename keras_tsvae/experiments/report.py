"""`report.html`: a run on one page that needs nothing else."""

import html
import pathlib
import typing

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.experiments.report_curves import curves
from keras_tsvae.experiments.report_files import ReportFiles
from keras_tsvae.experiments.report_sections import (
    evaluation,
    how_to_sample,
    notes,
    pictures,
    settings,
)
from keras_tsvae.files import expanded, written_beside

NAME = "report.html"
_STAGES = {"stage1": "First stage", "stage2": "Second stage"}
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8886; --first: #1769aa; --second: #c2560c; }}
@media (prefers-color-scheme: dark) {{ :root {{ --first: #6cb6ff; --second: #f69d50; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }}
h1, h3, figcaption, td {{ overflow-wrap: anywhere; }}
h2 {{ border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem; }}
img {{ max-width: 100%; height: auto; image-rendering: pixelated; background: white; }}
figure {{ margin: 0; }}
figcaption, .note {{ font-size: 0.875rem; opacity: 0.8; }}
.side {{ display: grid; gap: 1.5rem; }}
.side {{ grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }}
.note {{ white-space: pre-line; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
td, th {{ border-bottom: 1px solid var(--line); padding: 0.25rem 0.75rem 0.25rem 0; }}
td, th {{ text-align: left; vertical-align: top; }}
.figures td:not(:first-child), .figures th:not(:first-child) {{ text-align: right; }}
.figures td, .figures th {{ white-space: nowrap; }}
pre {{ background: #8882; overflow-x: auto; padding: 0.75rem; }}
svg {{ display: block; height: auto; width: 100%; }}
svg text {{ fill: currentColor; font-size: 11px; }}
svg polyline {{ fill: none; stroke-width: 1.5; }}
.training {{ stroke: var(--first); }}
.validation {{ stroke: var(--second); }}
circle.training {{ fill: var(--first); }}
circle.validation {{ fill: var(--second); }}
</style>
</head>
"""


def write_report(run_folder: PathLike) -> pathlib.Path:
    """Writes the `report.html` of a run: pictures, curves, figures and settings on one page.

    All of it is in the one file, pictures too: it can be read without a network, sent to somebody,
    or kept. It shows whatever the folder holds, and says what could not be read; nothing in it is
    run, whatever names of the run say.

    Args:
        run_folder: Path of the folder of a run; `~` is expanded.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder is not there, or holds nothing of a run.

    Example:
        >>> keras_tsvae.experiments.write_report("runs/mine")
    """
    folder = expanded(run_folder)
    files = ReportFiles(folder)
    path = folder / NAME
    with written_beside(path) as partial:
        partial.write_text(_page(files), encoding="utf-8", errors="replace")
    return path


def _page(files):
    """Returns the page as text."""
    title = html.escape(files.folder.resolve().name)
    sections = (
        ("Pictures", pictures(files.pictures)),
        ("How good it is", evaluation(files.evaluation)),
        ("How it was trained", _trained(files.tables)),
        ("How to sample from it", how_to_sample(files)),
        ("Settings", settings(files.config)),
        ("What is not here", notes(files.notes)),
    )
    body = "\n".join(f"<h2>{name}</h2>\n{text}" for name, text in sections if text)
    return f"{_HEAD.format(title=title)}<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"


def _trained(tables: dict[str, dict[str, list[float]]]) -> str:
    """Returns the curves of both stages."""
    parts: list[typing.Any] = []
    for name, table in tables.items():
        drawn = curves(table)
        if drawn:
            parts.append(f'<h3>{_STAGES[name]}</h3>\n<div class="side">\n{drawn}\n</div>')
    return "\n".join(parts)
