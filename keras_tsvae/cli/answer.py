"""What a command answers, on stdout."""

import contextlib
import dataclasses
import functools
import json
import os
import sys
import typing
from collections.abc import Callable, Iterator

import typer


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command has to say.

    Args:
        text: For people, lines of text.
        data: The same for programs, of what JSON can hold. Defaults to None: there are no figures.
    """

    text: str
    data: typing.Any = None


def answered(command: Callable[..., Answer], needs_keras: bool = True) -> Callable[..., None]:
    """Returns a command that prints its answer: as JSON if its argument `as_json` is true.

    Whatever else it prints, progress above all, goes to stderr.

    Args:
        command: Function of a command's arguments.
        needs_keras: Whether Keras is loaded first. Defaults to True.
    """

    @functools.wraps(command)
    def run(*args: typing.Any, **kwargs: typing.Any) -> None:
        if needs_keras and "keras" not in sys.modules:
            with _silent():
                import keras  # noqa: F401
        with contextlib.redirect_stdout(sys.stderr):
            answer = command(*args, **kwargs)
        typer.echo(json.dumps(answer.data, indent=2) if kwargs.get("as_json") else answer.text)

    return run


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Drops what libraries write to the process's stderr: TensorFlow does while it is loaded."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
