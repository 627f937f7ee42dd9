"""How a training ends that is told to end: by Ctrl-C, or by whom the machine belongs to."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def interruptions(message: Callable[[], str]) -> Iterator[None]:
    """Lets SIGTERM end the body like Ctrl-C does, both with a message; a second Ctrl-C at once.

    Args:
        message: Returns what is printed where the body is interrupted.
    """
    former = _install() if threading.current_thread() is threading.main_thread() else {}
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        print(f"\n{message()}", flush=True)
        raise
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _install() -> dict[int, Any]:
    """Sets the handlers of signals that nobody else handles; returns those before."""
    former: dict[int, Any] = {}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        former[signal.SIGINT] = signal.signal(signal.SIGINT, _interrupt)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        former[signal.SIGTERM] = signal.signal(signal.SIGTERM, _terminate)
    return former


def _interrupt(*_):
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # of the next one
    raise KeyboardInterrupt


def _terminate(number, *_):
    raise SystemExit(128 + number)
