"""`keras-tsvae explore`: a page to play with a model, in a browser."""

import pathlib
import socket
import threading
from typing import Annotated

import typer

from keras_tsvae.cli.answer import Answer
from keras_tsvae.cli.options import MODEL

EXAMPLES = (
    "runs/mine",
    "faces.keras --port 8000 --browser",
    "runs/mine --host 0.0.0.0",
)
_PORT = 7860


def run(
    run: Annotated[str, typer.Argument(metavar="RUN", help=f"{MODEL}.")],
    host: Annotated[
        str, typer.Option(help="Whom it is served to: 0.0.0.0 for all that reach this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it is served.")] = _PORT,
    browser: Annotated[bool, typer.Option("--browser", help="Open it in a browser.")] = False,
) -> Answer:
    """Play with a model on a page: samples, conditions, pictures of your own. Ctrl-C ends it."""
    from keras_tsvae import explore
    from keras_tsvae.cli import models
    from keras_tsvae.cli.paths import located
    from keras_tsvae.cli.runs import resize_of
    from keras_tsvae.saving.addresses import is_address

    path = located(run, "RUN")
    explore.require_gradio()
    _check_free(host, port)
    model = models.two_stage(run, "RUN")
    place = pathlib.Path(run if is_address(run) else path.resolve())
    title = place.stem if path.is_file() else place.name
    page = explore.page(model, resize=resize_of(None, str(path)), title=title)
    address = page.launch(
        server_name=host,
        server_port=port,
        inbrowser=browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
    )[1]
    typer.echo(f"{address} (Ctrl-C ends it)", err=True)
    try:
        _wait()
    except KeyboardInterrupt:  # how it is meant to end
        pass
    finally:
        page.close(verbose=False)
    return Answer(f"{address} is closed")


def _wait() -> None:
    """Returns never."""
    threading.Event().wait()


def _check_free(host: str, port: int) -> None:
    """Raises a `ValueError` unless a page can be served there."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        raise ValueError(
            f"--host and --port must be free for the page. Received: {host}, {port} "
            f"({error.strerror or error})"
        ) from error
