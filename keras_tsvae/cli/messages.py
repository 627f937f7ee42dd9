"""What is said on stderr."""

import typer


def say(kind: str, message: str) -> None:
    """Writes one line.

    Args:
        kind: `"Error"` or `"Warning"`.
        message: Text; its line breaks become spaces.
    """
    typer.echo(f"{kind}: {' '.join(message.split())}", err=True)
