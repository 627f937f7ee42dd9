"""What all commands have in common: exit codes, and errors of one line."""

import contextlib
import os
import sys
import typing
import warnings
from collections.abc import Iterator, Sequence

import typer
from typer.core import TyperGroup

from keras_tsvae.cli.messages import say

_QUIET = {  # libraries that are loud on stderr
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
}


class CommandLine(TyperGroup):
    """A group of commands that ends with 0, 1 or 2, and says what went wrong in one line.

    2 is for a command that is wrong itself, such as an option that is not known; 1 for any other
    failure. With `--debug` anywhere among the arguments, the exception is raised instead.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: typing.Any,
    ) -> typing.Any:
        """Runs the command of `args`, or of the process, and ends the process."""
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        args = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in args
        args = [argument for argument in args if argument != "--debug"]
        extra |= {"complete_var": complete_var, "windows_expand_args": windows_expand_args}
        with _warnings_of_one_line():
            try:
                code = super().main(args, prog_name, standalone_mode=False, **extra)
            except Exception as error:
                if debug and not _is_usage(error):
                    raise
                code = 2 if _is_usage(error) else 1
                say("Error", _message(error))
        sys.exit(code or 0)

    def invoke(self, ctx: typing.Any) -> typing.Any:
        """Runs the command, which may be interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("Error", "interrupted; what was not complete is not there")
            raise typer.Exit(1) from None


def _is_usage(error: Exception) -> bool:
    return getattr(error, "exit_code", None) == 2 and hasattr(error, "format_message")


def _message(error: Exception) -> str:
    """Returns what is said of an error."""
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        command = "keras-tsvae" if context is None else context.command_path
        return f"{error.format_message()} ({command} --help)"
    if isinstance(error, typer.Abort):
        return "aborted"
    text = str(error)
    return text if text and not isinstance(error, KeyError) else f"{type(error).__name__} {text}"


@contextlib.contextmanager
def _warnings_of_one_line() -> Iterator[None]:
    def show(message, category, filename, lineno, file=None, line=None):
        say("Warning", str(message))

    with warnings.catch_warnings():
        # these are for those who write code; Python's own filter shows some of them
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.showwarning = show
        yield
