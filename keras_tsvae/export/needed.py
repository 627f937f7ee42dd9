"""What exports need beside TensorFlow: the packages of this package's extras."""

import importlib.util
import pathlib
import warnings


def require(*modules: str, extra: str) -> None:
    """Raises an `ImportError` that names the extra, unless all modules are installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"This export needs {' and '.join(missing)}: pip install 'keras_tsvae[{extra}]'"
        )


def wanted(module: str, extra: str, path: pathlib.Path) -> bool:
    """Whether a runtime is installed; without it, warns that a file cannot be checked."""
    found = importlib.util.find_spec(module) is not None
    if not found:
        warnings.warn(
            f"{path.name} was not compared with the model: that needs {module}, "
            f"pip install 'keras_tsvae[{extra}]'",
            stacklevel=2,
        )
    return found
