"""The program as a process, and what it answers without Keras."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from keras_tsvae import presets
from keras_tsvae.cli import progress
from keras_tsvae.cli.main import COMMANDS
from keras_tsvae.cli.seeds import parse_seeds

pytestmark = pytest.mark.backend_free
ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = "import sys\nfrom keras_tsvae.cli.main import app\nsys.exit(app())\n"  # as pip writes it


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "keras-tsvae"
    path.write_text(SCRIPT)
    return [path]


def process(*arguments):
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["--help", "presets", "sample --help"])
def test_nothing_heavy_is_loaded_to_answer(script, asked):
    for program in (script, ["-m", "keras_tsvae"]):
        done = process("-X", "importtime", *program, *asked.split())
        assert done.returncode == 0 and done.stdout
        loaded = set(re.findall(r"\| +([a-zA-Z_]+)\n", done.stderr))
        assert "typer" in loaded
        assert not loaded & {"keras", "numpy", "tensorflow", "jax", "PIL"}


@pytest.mark.slow
def test_exit_codes_of_the_process(script):
    done = process(*script, "presets", "minst")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


def test_presets(keras_tsvae):
    code, answer, _ = keras_tsvae("presets")
    assert code == 0
    assert [line.split()[0] for line in answer.splitlines()[1:]] == list(presets.names())
    assert keras_tsvae("presets", "mnist")[1] == presets.describe("mnist") + "\n"
    as_json = keras_tsvae("presets", "mnist", "--json")[1]
    assert as_json["latent_dim"] == presets.get("mnist").latent_dim
    assert len(keras_tsvae("presets", "--json")[1]) == len(presets.names())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(keras_tsvae, name):
    code, answer, _ = keras_tsvae(name, "--help")
    assert code == 0
    for line in COMMANDS[name].EXAMPLES:
        assert f"\n    keras-tsvae {name} {line}".rstrip() in answer


@pytest.mark.parametrize(
    "text, seeds",
    [("0", [0]), ("0,1,4-6", [0, 1, 4, 5, 6]), (" 3 - 4 , 3", [3, 4]), ("7-7", [7])],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


def test_progress_is_shown_on_a_terminal_alone(monkeypatch, capsys):
    batches = [[1, 2], [3]]
    with progress.busy("Waiting"):
        assert list(progress.counted(batches, 3, "Counting")) == batches
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert list(progress.counted(batches, 3, "Counting")) == batches
    shown = capsys.readouterr()
    assert not shown.out and "Counting" in shown.err
