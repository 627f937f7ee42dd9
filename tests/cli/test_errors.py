"""Wrong uses: the exit code, and one line on stderr."""

import warnings

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from keras_tsvae.cli import models
from keras_tsvae.cli.main import app
from keras_tsvae.models.generator import Generator
from tests import tiny

PLACES = ("plain", "attributes", "classes")
OUT = ("-o", "OUT")
PICTURE = "PICTURE"
USAGE = {  # what is typed is wrong
    "no command": [],
    "unknown command": ["smaple"],
    "unknown option": ["sample", "plain", "--sed", 1, *OUT],
    "no output": ["sample", "plain"],
    "unknown preset": ["presets", "minst"],
    "missing model": ["sample", "nowhere.keras", *OUT],
    "an address": ["sample", "gs://bucket/model.keras", *OUT],
    "seeds": ["sample", "plain", "--seed", "4-1", *OUT],
    "words as seeds": ["sample", "plain", "--seed", "a", *OUT],
    "picture of another format": ["sample", "plain", "-o", "grid.jpg"],
    "picture in capitals": ["reconstruct", "plain", PICTURE, "-o", "grid.PNG"],
    "no pictures wanted": ["sample", "plain", "-n", 0, *OUT],
    "stage": ["sample", "plain", "--stage", 3, *OUT],
    "class of a model without": ["sample", "plain", "--class", 1, *OUT],
    "class that does not exist": ["sample", "classes", "--class", 3, *OUT],
    "class by a name": ["sample", "classes", "--class", "cat", *OUT],
    "class of attributes": ["sample", "attributes", "--class", 1, *OUT],
    "misspelt attribute": ["sample", "attributes", "--with", "A", *OUT],
    "misspelt exclusion": ["sample", "attributes", "--without", "d", *OUT],
    "contradiction": ["sample", "attributes", "--with", "a", "--without", "a", *OUT],
    "strength of nothing": ["sample", "attributes", "--strength", 2, *OUT],
    "edit nothing": ["edit", "attributes", PICTURE, *OUT],
    "edit without conditions": ["edit", "plain", PICTURE, "--with", "a", *OUT],
    "edit misspelt": ["edit", "attributes", PICTURE, "--with", "aa", *OUT],
    "edit of nothing": ["edit", "attributes", "nowhere", "--with", "a", *OUT],
    "missing picture": ["reconstruct", "plain", "nowhere.png", *OUT],
    "resize": ["reconstruct", "plain", PICTURE, "--resize", "squash", *OUT],
    "interpolate a folder": ["interpolate", "plain", PICTURE, "EMPTY", *OUT],
    "one step": ["interpolate", "plain", PICTURE, PICTURE, "--steps", 1, *OUT],
    "traverse misspelt": ["traverse", "attributes", PICTURE, "d", *OUT],
    "traverse without conditions": ["traverse", "plain", PICTURE, "a", *OUT],
    "no such side": ["fid", "nowhere", PICTURE],
    "no such part": ["fid", "digits:tset", "digits"],
    "protocol": ["fid", "digits", "digits", "--protocol", "standrad"],
    "no judge": ["fid", "digits", "digits", "--features", "judge"],
    "no such features": ["fid", "digits", "digits", "--features", "inceptoin"],
    "statistics elsewhere": ["statistics", "digits", "-o", "ref.txt"],
    "format": ["export", "plain", "--format", "onxx", *OUT],
    "info of nothing": ["info", "nowhere"],
}
FAILURES = {
    "unreadable model": ["info", "BROKEN"],
    "another file": ["sample", PICTURE, *OUT],
    "a judge": ["sample", "JUDGE", *OUT],
    "empty run": ["sample", "EMPTY", *OUT],
    "output exists": ["sample", "plain", "-o", "BROKEN.png"],
    "output folder exists": ["edit", "attributes", PICTURE, "--with", "a", "-o", "FULL"],
    "output not writable": ["sample", "plain", "-o", "BROKEN/deep/x.png"],
    "output folder not writable": ["reconstruct", "plain", PICTURE, "-o", "BROKEN/deep"],
    "empty folder": ["reconstruct", "plain", "EMPTY", *OUT],
    "unreadable picture": ["reconstruct", "plain", "BROKEN.png", *OUT],
    "empty side": ["fid", "EMPTY", "digits", "--features", "JUDGE"],
    "side of text": ["fid", "BROKEN.npz", "digits", "--features", "JUDGE"],
    "statistics exist": ["statistics", "digits", "-o", "BROKEN.npz"],
    "export elsewhere": ["export", "plain", "-o", "FULL", "--overwrite"],
    "export exists": ["export", "plain", "-o", "FULL"],
    "info of an empty folder": ["info", "EMPTY"],
    "features that are none": ["fid", "digits", "digits", "--features", "attributes"],
}


@pytest.fixture
def prepared(files, tmp_path, monkeypatch):
    """Turns words of an argument list into paths."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for name in ("broken.keras", "broken.png", "broken.npz"):
        (tmp_path / name).write_bytes(b"broken")
    Image.fromarray(tiny.images(1)[0, ..., 0]).save(tmp_path / "picture.png")
    words = {name: files[name] for name in PLACES}
    words["JUDGE"] = files["judge"]
    words |= {"EMPTY": "empty", "FULL": "full", "BROKEN": "broken.keras", PICTURE: "picture.png"}
    words |= {"BROKEN.png": "broken.png", "BROKEN.npz": "broken.npz", "OUT": "out"}
    words["BROKEN/deep/x.png"], words["BROKEN/deep"] = "broken.png/deep/x.png", "broken.png/deep"

    def prepare(arguments):
        return [words.get(argument, argument) for argument in arguments]

    yield prepare
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    assert [path for path in tmp_path.rglob(".tsvae*")] == []


def one_line(errors):
    return errors.startswith("Error: ") and errors.count("\n") == 1 and errors.endswith("\n")


@pytest.mark.slow
@pytest.mark.parametrize("use", USAGE)
def test_wrong_usage(keras_tsvae, prepared, use):
    code, answer, errors = keras_tsvae(*prepared(USAGE[use]))
    assert code == 2 and not answer
    assert one_line(errors)


@pytest.mark.slow
@pytest.mark.parametrize("use", FAILURES)
def test_failures(keras_tsvae, prepared, use):
    code, answer, errors = keras_tsvae(*prepared(FAILURES[use]))
    assert code == 1 and not answer
    assert one_line(errors)


@pytest.mark.slow
def test_what_errors_say(keras_tsvae, prepared):
    def said(*arguments):
        return keras_tsvae(*prepared(arguments))[2]

    assert "--overwrite" in said("sample", "plain", "-o", "BROKEN.png")
    assert "The nearest: a" in said("sample", "attributes", "--with", "A", *OUT)
    assert "classes" in said("sample", "classes", "--with", "a", *OUT)
    assert said("info", "BROKEN").startswith("Error: MODEL must be the path of a `.keras` file")
    assert "Try" not in said("sample", "plain")
    assert "keras-tsvae sample --help" in said("sample", "plain")


@pytest.mark.slow
def test_all_broken_pictures_are_named(keras_tsvae, files, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no picture")
    Image.fromarray(tiny.images(1)[0, ..., 0]).save(tmp_path / "c.png")
    arguments = ("reconstruct", files["plain"], tmp_path, "-o", tmp_path / "out")
    code, _, errors = keras_tsvae(*arguments)
    assert code == 1 and one_line(errors)
    assert all(word in errors for word in ("2 of 3", "a.png", "b.png", "--skip-broken"))
    code, answer, errors = keras_tsvae(*arguments, "--skip-broken")
    assert code == 0 and answer == f"{tmp_path / 'out' / 'c.png'}\n"
    assert errors.startswith("Warning: 2 of 3") and errors.count("\n") == 1
    measured = ("fid", tmp_path, "digits", "--features", files["judge"])
    assert keras_tsvae(*measured)[2].endswith("--skip-broken goes on without them\n")


@pytest.mark.slow
def test_overwriting_replaces_files_of_the_same_name_alone(keras_tsvae, files, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "seed3.png").write_text("old")
    arguments = ("sample", files["plain"], "--seed", 3, "-o", tmp_path)
    assert keras_tsvae(*arguments)[0] == 1
    assert keras_tsvae(*arguments, "--overwrite")[0] == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert np.asarray(Image.open(tmp_path / "seed3.png")).shape == (8, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "seed3.png"]


@pytest.mark.slow
def test_interrupted(keras_tsvae, files, tmp_path, monkeypatch):
    def interrupted(self, *args, **kwargs):
        yield self.decode(np.zeros((1, 4), "float32"))
        raise KeyboardInterrupt

    monkeypatch.setattr(Generator, "sample_batches", interrupted)
    code, answer, errors = keras_tsvae("sample", files["plain"], "-n", 2, "-o", tmp_path / "out")
    assert code == 1 and not answer and one_line(errors)
    assert list(tmp_path.iterdir()) == []


def test_debugging_raises_the_exception(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"broken")
    arguments = ["info", str(tmp_path / "broken.keras"), "--debug"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and isinstance(result.exception, ValueError)
    assert not result.stderr


def test_warnings_are_as_before(keras_tsvae):
    before = warnings.showwarning
    keras_tsvae("presets")
    assert warnings.showwarning is before


def test_warnings_for_those_who_write_code_are_not_shown(keras_tsvae, files, monkeypatch):
    def read_model(path, compile=False):
        warnings.warn("an argument of a library is deprecated", DeprecationWarning, stacklevel=1)
        warnings.warn("a picture is cut off", UserWarning, stacklevel=1)
        raise ValueError("broken")

    monkeypatch.setattr(models, "read_model", read_model)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        errors = keras_tsvae("info", files["plain"])[2]
    assert errors == "Warning: a picture is cut off\nError: broken\n"
