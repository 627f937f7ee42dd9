"""A table of figures of generated images."""

import io

COLUMNS = {
    "fid": "FID ↓",
    "kid": "KID ↓",
    "is": "IS ↑",
    "precision": "precision ↑",
    "recall": "recall ↑",
}
LABELS = {"train": "training images", "stage1": "stage 1", "stage2": "stage 2"}


class GenerationReport(dict):
    """Figures of several sets of images, as a dict and as a table.

    Maps names of sets, such as `"stage2"`, to dicts from `"fid"`, `"kid"`, `"is"`, `"precision"`
    and `"recall"` to `Score`s. `print` and rich show it as a table.

    Args:
        rows: Such a dict.
        caption: Str, what all figures have in common.
    """

    def __init__(self, rows, caption):
        super().__init__(rows)
        self.caption = caption

    def to_dict(self):
        """Returns the figures as plain floats, for JSON."""
        return {name: {k: float(v) for k, v in row.items()} for name, row in self.items()}

    def table(self):
        """Returns a `rich.table.Table`."""
        from rich.table import Table

        columns = [key for key in COLUMNS if any(key in row for row in self.values())]
        table = Table(caption=self.caption)
        for header in ("", "images", *(COLUMNS[key] for key in columns)):
            table.add_column(header, justify="right" if header else "left")
        for name, row in self.items():
            cells = [_cell(row[key]) if key in row else "" for key in columns]
            count = next(iter(row.values())).num_samples
            table.add_row(LABELS.get(name, name), f"{count:,}", *cells)
        return table

    def __rich__(self):
        """Returns what rich prints."""
        return self.table()

    def __str__(self):
        """Returns the table as text."""
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=100).print(self.table())
        return text.getvalue()


def _cell(score):
    return f"{score:.3g}" if score.std is None else f"{float(score):.3g} ± {score.std:.2g}"
