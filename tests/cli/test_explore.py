"""`keras-tsvae explore`: its wrong uses, and what it serves."""

import json
import socket
import sys
import types

import pytest

from keras_tsvae import explore


class FakePage:
    """Stands in for Gradio's."""

    def __init__(self):
        self.launched, self.closed = {}, False

    def launch(self, **options):
        self.launched = options
        return None, "http://somewhere:1/", None

    def close(self, verbose):
        self.closed = True


@pytest.fixture
def made(monkeypatch):
    """What pages were asked for; Gradio is there, and Ctrl-C comes as soon as one is served."""
    asked = {"page": FakePage()}

    def page(model, **options):
        asked.update(model=model, **options)
        return asked["page"]

    def interrupted():
        assert asked["page"].launched and not asked["page"].closed
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "gradio", types.ModuleType("gradio"))
    monkeypatch.setattr(explore, "page", page)
    monkeypatch.setattr("keras_tsvae.cli.explore._wait", interrupted)
    return asked


@pytest.fixture
def port():
    """A port that is free, or was a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    return number


def one_line(errors):
    return errors.startswith("Error: ") and errors.count("\n") == 1


@pytest.mark.slow
def test_a_run_is_served_to_this_machine_alone(keras_tsvae, run_folder, made, port):
    (run_folder / "config.json").write_text(json.dumps({"data": {"resize": "pad"}}))
    code, answer, errors = keras_tsvae("explore", run_folder, "--port", port)
    assert code == 0 and answer == "http://somewhere:1/ is closed\n"
    assert errors == "http://somewhere:1/ (Ctrl-C ends it)\n"
    launched = made["page"].launched
    assert launched["server_name"] == "127.0.0.1" and launched["server_port"] == port
    assert not launched["inbrowser"] and launched["share"] is False
    assert made["resize"] == "pad" and made["title"] == "digits_fast"
    assert type(made["model"]).__name__ == "TwoStageVAE" and made["page"].closed


@pytest.mark.slow
@pytest.mark.parametrize("config", [None, "{", "[]", '{"data": 1}', '{"data": {"resize": "x"}}'])
def test_a_file_or_a_run_of_another_kind_is_cropped(keras_tsvae, run_folder, made, port, config):
    if config is not None:
        (run_folder / "config.json").write_text(config)
    path = run_folder / "digits_fast.keras" if config is None else run_folder
    options = ("--port", port, "--host", "localhost", "--browser")
    assert keras_tsvae("explore", path, *options)[0] == 0
    assert made["resize"] == "crop" and made["title"] == "digits_fast"
    assert made["page"].launched["inbrowser"]


@pytest.mark.slow
def test_wrong_uses(keras_tsvae, files, made, port, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.keras").write_bytes(b"broken")
    at = ("--port", port)
    wrong = {
        2: [("nowhere", *at), (files["plain"], "--port", 0), (), (files["plain"], "--prot", 1)],
        1: [(tmp_path / "empty", *at), (tmp_path / "broken.keras", *at), (files["judge"], *at)],
    }
    for expected, uses in wrong.items():
        for arguments in uses:
            code, answer, errors = keras_tsvae("explore", *arguments)
            assert code == expected and not answer and one_line(errors)
    assert "model" not in made


@pytest.mark.slow
def test_a_port_that_is_taken(keras_tsvae, files, made):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, answer, errors = keras_tsvae("explore", files["plain"], "--port", port)
    assert code == 1 and not answer and one_line(errors)
    assert str(port) in errors and "--port" in errors and "model" not in made


@pytest.mark.slow
def test_without_gradio(keras_tsvae, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, answer, errors = keras_tsvae("explore", files["plain"])
    assert code == 1 and not answer and one_line(errors)
    assert "pip install 'keras_tsvae[explore]'" in errors
    with pytest.raises(ImportError, match="extra `explore`"):
        explore.page(None)


@pytest.mark.slow
def test_interrupted_before_it_is_served(keras_tsvae, files, made, monkeypatch, port):
    def page(model, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(explore, "page", page)
    code, answer, errors = keras_tsvae("explore", files["plain"], "--port", port)
    assert code == 1 and not answer and one_line(errors)
