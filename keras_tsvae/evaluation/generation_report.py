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
    "replay": "replay ↓",
    "log_prob": "log p(z) ↑",
}
BOUNDS = {"log_prob": "log_prob_bound"}  # shown in the same column
LABELS = {
    "train": "training images",
    "stage1": "stage 1",
    "stage2": "stage 2",
    "gaussian": "single Gaussian",
}


class GenerationReport(TableReport[Score]):
    """Figures of several sets of images, as a dict and as a table.

    Maps names of sets, such as `"stage2"`, to dicts from `"fid"`, `"kid"`, `"is"`, `"precision"`
    and `"recall"` to `Score`s; and `"obedience"`, the overall figure of a `ConditionAccuracy`,
    where a model has conditions that the features know.

    `"replay"`, where there are training images, is the share of images that are as near to one of
    them as hardly any test image is (see `Replay`). `"log_prob"`, in nats, is the mean log density
    of z of test images (see `held_out_log_prob`): at `"stage1"` that of N(0, I), and at
    `"gaussian"`, which has no other figure, of the best single Gaussian. It is called
    `"log_prob_bound"` where a second stage gives a lower bound. `print` and rich show it all as a
    table.

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
        known = {key for row in self.values() for key in row}
        columns = [key for key in COLUMNS if {key, BOUNDS.get(key)} & known]
        table = self.new_table(["images", *(COLUMNS[key] for key in columns)])
        for name, row in self.items():
            count = next(iter(row.values())).num_samples
            cells = (_cell(row, key) for key in columns)
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


def _cell(row, key):
    """Returns a figure as text, a lower bound with a sign; nothing where there is none."""
    bound = row.get(BOUNDS.get(key, ""))
    if bound is not None:
        return f"≥ {bound:.4g}"
    if key not in row:
        return ""
    score, digits = row[key], 4 if key in BOUNDS else 3
    figure = f"{float(score):.{digits}g}"
    return figure if score.std is None else f"{figure} ± {score.std:.2g}"
