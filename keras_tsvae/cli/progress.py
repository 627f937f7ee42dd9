"""Progress, shown on a terminal's stderr."""

import contextlib
import typing
from collections.abc import Iterable, Iterator

_Item = typing.TypeVar("_Item")


def counted(items: Iterable[_Item], total: int | None, text: str) -> Iterator[_Item]:
    """Yields `items` while a bar counts the rows of those that have a length, or else the items.

    Args:
        items: Iterable, such as one of batches of images.
        total: How many there are, or None if it is not known.
        text: What is being done.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=total)
        for item in items:
            yield item
            progress.advance(task, len(item) if hasattr(item, "__len__") else 1)


@contextlib.contextmanager
def busy(text: str) -> Iterator[None]:
    """Shows that something is being done of which nobody knows how long it takes.

    Args:
        text: What it is.
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(text) if console.is_terminal else contextlib.nullcontext():
        yield
