"""What reports have in common: a dict of rows that prints as a table."""

import io
import typing
from collections.abc import Iterable

if typing.TYPE_CHECKING:
    from rich.table import Table

Figure = typing.TypeVar("Figure", bound=float)


class TableReport(dict[str, dict[str, Figure]], typing.Generic[Figure]):
    """A dict from names of rows to figures, with a caption; subclasses say how the table looks.

    Args:
        rows: The dict.
        caption: Str, what all figures have in common.
    """

    def __init__(self, rows: dict[str, dict[str, Figure]], caption: str):
        super().__init__(rows)
        self.caption = caption

    def table(self) -> "Table":
        """Returns a `rich.table.Table`."""
        raise NotImplementedError

    def new_table(self, headers: Iterable[str]) -> "Table":
        """Returns an empty `rich.table.Table` whose first column holds the rows' names."""
        from rich.table import Table

        table = Table(caption=self.caption)
        for header in ("", *headers):
            justify: typing.Literal["right", "left"] = "right" if header else "left"
            table.add_column(header, justify=justify, no_wrap=not header)
        return table

    def __rich__(self) -> "Table":
        """Returns what rich prints."""
        return self.table()

    def __str__(self) -> str:
        """Returns the table as text."""
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=140).print(self.table())
        return text.getvalue()
