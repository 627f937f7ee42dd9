"""A table of figures of generated images."""

from keras_tsvae.metrics.table_report import TableReport

COLUMNS = {
    "fid": "FID ↓",
    "kid": "KID ↓",
    "is": "IS ↑",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "obedience": "obedience ↑",
}
LABELS = {"train": "training images", "stage1": "stage 1", "stage2": "stage 2"}


class GenerationReport(TableReport):
    """Figures of several sets of images, as a dict and as a table.

    Maps names of sets, such as `"stage2"`, to dicts from `"fid"`, `"kid"`, `"is"`, `"precision"`
    and `"recall"` to `Score`s; and `"obedience"`, the overall figure of a `ConditionAccuracy`,
    where a model has conditions that the features know. `print` and rich show it as a table.

    Args:
        rows: Such a dict.
        caption: Str, what all figures have in common.
    """

    def to_dict(self):
        """Returns the figures as plain floats, for JSON."""
        return {name: {k: float(v) for k, v in row.items()} for name, row in self.items()}

    def table(self):
        """Returns a `rich.table.Table`."""
        columns = [key for key in COLUMNS if any(key in row for row in self.values())]
        table = self.new_table(["images", *(COLUMNS[key] for key in columns)])
        for name, row in self.items():
            cells = [_cell(row[key]) if key in row else "" for key in columns]
            count = next(iter(row.values())).num_samples
            table.add_row(LABELS.get(name, name), f"{count:,}", *cells)
        return table


def _cell(score):
    return f"{score:.3g}" if score.std is None else f"{float(score):.3g} ± {score.std:.2g}"
