"""A table of how well a model obeys each of its conditions."""

import math
import typing
from collections.abc import Mapping

from keras_tsvae.evaluation.table_report import TableReport

if typing.TYPE_CHECKING:
    from rich.table import Table

COLUMNS = {
    "ceiling": "real ↑",
    "reconstruction": "reconstructed ↑",
    "samples": "samples ↑",
    "floor": "shuffled",
    "flip_target": "flip ↑",
    "flip_others": "others ↓",
}
VISIBLE = 0.8  # what a judge must reach on real pictures for its word on others to count


class ObedienceReport(TableReport[float]):
    """Figures of each attribute or class, as a dict and as a table.

    Maps names to dicts of floats from 0 to 1, NaN where there is nothing to measure. The first
    four are balanced accuracies of attributes, `(TPR + TNR) / 2`, or recalls of classes:

    - `"ceiling"`: of the judge on real test pictures; more cannot be asked of a model,
    - `"reconstruction"`: of those pictures, reconstructed, against their true labels,
    - `"samples"`: of samples against the conditions they were drawn under,
    - `"floor"`: of the same samples against each other's conditions: what chance gives,
    - `"flip_target"` and `"flip_others"`: `target` and `others` of
      `keras_tsvae.metrics.flip_test`; of visible ones only.

    An attribute or class is visible if its ceiling is at least 0.8: what the judge does not see in
    real pictures, it cannot tell of others. `print` and rich show the report as a table.

    Args:
        rows: Such a dict, with all six figures for each name.
        caption: Str, what all figures have in common.

    Attributes:
        visible: Tuple of the names that are visible.
        mean: Dict of the six figures, averaged over the visible names that are not NaN.
    """

    def __init__(self, rows: dict[str, dict[str, float]], caption: str):
        super().__init__(rows, caption)
        self.visible = visible_names({name: row["ceiling"] for name, row in rows.items()})
        self.mean = {key: self._mean(key) for key in COLUMNS}

    def to_dict(self) -> dict[str, typing.Any]:
        """Returns `"each"`, `"mean"` and `"visible"` for JSON; figures that are NaN left out."""
        return {
            "each": {name: _known(row) for name, row in self.items()},
            "mean": _known(self.mean),
            "visible": list(self.visible),
        }

    def table(self) -> "Table":
        """Returns a `rich.table.Table`; what is not visible is in brackets."""
        table = self.new_table(COLUMNS.values())
        for name, row in self.items():
            label = name if name in self.visible else f"({name})"
            table.add_row(label, *_cells(row), end_section=name == list(self)[-1])
        table.add_row(f"mean of {len(self.visible)} visible", *_cells(self.mean))
        return table

    def _mean(self, key):
        values = [self[name][key] for name in self.visible if not math.isnan(self[name][key])]
        return sum(values) / len(values) if values else math.nan


def visible_names(ceilings: Mapping[str, float]) -> tuple[str, ...]:
    """Returns the names, as a tuple, whose ceiling is at least `VISIBLE`."""
    return tuple(name for name, ceiling in ceilings.items() if ceiling >= VISIBLE)


def _known(row):
    return {key: float(value) for key, value in row.items() if not math.isnan(value)}


def _cells(row):
    return ["" if math.isnan(row[key]) else f"{row[key]:.3f}" for key in COLUMNS]
