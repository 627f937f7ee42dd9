"""A table of figures of generated images."""

import typing

from keras_tsvae.evaluation.table_report import TableReport
from keras_tsvae.metrics.score import Score

if typing.TYPE_CHECKING:
    from rich.table import Table

COLUMNS = {
    "fid": "FID ↓",
    "kid": "KID ↓",
    "is": "IS ↑",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "obedience": "obedience ↑",
}
LABELS = {"train": "training images", "stage1": "stage 1", "stage2": "stage 2"}


class GenerationReport(TableReport[Score]):
    """Figures of several sets of images, as a dict and as a table.

    Maps names of sets, such as `"stage2"`, to dicts from `"fid"`, `"kid"`, `"is"`, `"precision"`
    and `"recall"` to `Score`s; and `"obedience"`, the overall figure of a `ConditionAccuracy`,
    where a model has conditions that the features know. `print` and rich show it as a table.

    Args:
        rows: Such a dict.
        caption: Str, what all figures have in common.
    """

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Returns the figures for JSON: plain floats, and beside them what they depend on.

        Of each set of images, the figures by their names; `"kid_std"` and `"is_std"`, the standard
        deviations over subsets or parts, where there are several; `"num_samples"`, how many images
        there are, and `"num_reference"`, how many real ones they are held against.
        """
        return {name: _plain(row) for name, row in self.items()}

    def table(self) -> "Table":
        """Returns a `rich.table.Table`."""
        columns = [key for key in COLUMNS if any(key in row for row in self.values())]
        table = self.new_table(["images", *(COLUMNS[key] for key in columns)])
        for name, row in self.items():
            cells = [_cell(row[key]) if key in row else "" for key in columns]
            count = next(iter(row.values())).num_samples
            table.add_row(LABELS.get(name, name), f"{count:,}", *cells)
        return table


def _plain(row):
    """Returns the figures of a row with their deviations and counts."""
    plain: dict[str, float | None] = {key: float(score) for key, score in row.items()}
    plain |= {f"{key}_std": score.std for key, score in row.items() if score.std is not None}
    for count in ("num_samples", "num_reference"):
        known = [getattr(score, count) for score in row.values()]
        plain[count] = next((number for number in known if number is not None), None)
    return plain


def _cell(score):
    return f"{score:.3g}" if score.std is None else f"{float(score):.3g} ± {score.std:.2g}"
