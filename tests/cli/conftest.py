import json
import pathlib
import shutil

import pytest
from typer.testing import CliRunner

from keras_tsvae import load_model
from keras_tsvae.cli import models
from keras_tsvae.cli.main import app

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FILES = {
    "plain": GOLDEN / "0.1.0-f8e0e77" / "two_stage.keras",
    "attributes": GOLDEN / "0.1.0-f8e0e77" / "conditional.keras",
    "classes": GOLDEN / "0.1.0-8ef14e7" / "conditional.keras",
    "judge": GOLDEN / "0.1.0-f8e0e77" / "judge.keras",
}


@pytest.fixture
def keras_tsvae():
    """Runs the program with arguments; returns its exit code, its answer, and its errors."""

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        print(result.stderr)  # where a test fails
        as_json = result.exit_code == 0 and "--json" in arguments
        return (
            result.exit_code,
            json.loads(result.stdout) if as_json else result.stdout,
            result.stderr,
        )

    return run


@pytest.fixture(scope="session")
def read():
    """Reads each model once."""
    known = {}

    def read(name):
        if name not in known:
            known[name] = load_model(FILES[name], compile=False)
        return known[name]

    return read


@pytest.fixture
def files(read, monkeypatch):
    """Paths of small trained models by name, which are not read again and again, nor copies."""
    names = {path.read_bytes(): name for name, path in FILES.items()}
    unread = models.read_model

    def read_model(path, compile=False):
        name = names.get(path.read_bytes())
        return unread(path, compile) if name is None or compile else read(name)

    monkeypatch.setattr(models, "read_model", read_model)
    return FILES


@pytest.fixture
def run_folder(files, tmp_path):
    """The folder of a run, as the example scripts leave it behind."""
    folder = tmp_path / "digits_fast"
    folder.mkdir()
    shutil.copy(files["plain"], folder / "digits_fast.keras")
    shutil.copy(files["judge"], folder / "judge.keras")
    return folder
