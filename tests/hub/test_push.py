"""Models that are pushed to a hub, here on this machine, and fetched from it again."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.evaluation.generation_report import GenerationReport
from keras_tsvae.hub import upload
from keras_tsvae.metrics.score import Score
from keras_tsvae.saving.digests import weights_digest
from tests.hub import server

hub = pytest.importorskip("huggingface_hub")

PROGRAM = """
import json, sys, warnings
import keras
import keras_tsvae as tsvae
from keras_tsvae.hub import upload
from keras_tsvae.saving.digests import weights_digest
from tests.hub.test_push import report
upload._PAUSES = (0.0, 0.0)
folder, results = sys.argv[1], {}
model = tsvae.TwoStageVAE.from_preset(folder)

def tried(name, step):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            results[name] = step()
        except Exception as error:
            results[name] = f"{type(error).__name__}: {error}"
    results[name + " warned"] = [str(w.message) for w in caught if "card" in str(w.message)]

push = tsvae.hub.push
history = {"stage1_loss": [3.0, 2.0], "stage2_loss": [1.0, 0.5]}
known = dict(evaluation=report(), history=history, dataset="squares", license="apache-2.0")
tried("pushed", lambda: push("user/squares", model, private=True, **known))
tried("again", lambda: push("user/squares", model, dataset="other"))
tried("anew", lambda: push("user/squares", model, dataset="circles", overwrite_card=True))
model.first_stage.set_weights([w + 0.1 for w in model.first_stage.get_weights()])
tried("revision", lambda: push("user/squares", model, revision="v2", **known))
tried("forbidden", lambda: push("someone/squares", model))
results["changed"] = weights_digest(model)
load = tsvae.TwoStageVAE.from_preset
tried("main", lambda: weights_digest(load("hf://user/squares")))
tried("v2", lambda: weights_digest(load("hf://user/squares@v2")))
tried("load_model", lambda: weights_digest(tsvae.load_model("hf://user/squares@v2")))
tried("keras", lambda: weights_digest(keras.saving.load_model("hf://user/squares")))
tried("no model", lambda: load("hf://user/circles"))
tried("no revision", lambda: load("hf://user/squares@v3"))
tried("another class", lambda: tsvae.FirstStageVAE.from_preset("hf://user/squares"))
print(json.dumps(results))
"""
OFFLINE = """
import json, sys, keras, keras_tsvae as tsvae
from keras_tsvae.cli.main import app
from keras_tsvae.saving.digests import weights_digest
from typer.testing import CliRunner
results = {"ours": weights_digest(tsvae.TwoStageVAE.from_preset("hf://user/squares"))}
results["keras"] = weights_digest(keras.saving.load_model("hf://user/squares"))
try:
    tsvae.load_model("hf://user/unknown")
except Exception as error:
    results["unknown"] = f"{type(error).__name__}: {error}"
def program(*arguments):
    done = CliRunner().invoke(app, arguments)
    return [done.exit_code, done.stdout, done.stderr]

results["info"] = program("info", "hf://user/squares@v2", "--json")
results["sample"] = program("sample", "hf://user/squares", "-n", "2", "-o", sys.argv[1])
results["sample of none"] = program("sample", "hf://user/unknown", "-o", "none.npz")
results["sample of nothing"] = program("sample", "hf://unknown", "-o", "none.npz")
print(json.dumps(results))
"""


def report():
    """Figures as `evaluate_generation` returns them."""

    def row(fid):
        return {
            "fid": Score(fid, "FID", "standard", "judge", 500, 400),
            "kid": Score(fid / 100, "KID", "standard", "judge", 500, 400, 0.01),
        }

    rows = {"train": row(1.0), "reconstruction": row(4.5), "stage1": row(30.0), "stage2": row(9.25)}
    return GenerationReport(rows, "standard protocol, features of a judge")


def child(program, *arguments, **environment):
    """Runs a program in a process of its own, which a hub's address must be set for."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    known = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_x", "NO_PROXY": "*"}
    known |= environment
    done = subprocess.run(command, capture_output=True, text=True, env=known)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def pushed(fitted, tmp_path_factory):
    """What became of a model that was pushed several times, and what the hub has."""
    folder = tmp_path_factory.mktemp("hub")
    fitted.save_to_preset(folder / "model")
    with server.running() as (served, address):
        served.failures = {("PUT", "/large/"): 1, ("POST", "/commit/main"): 1}
        results = child(PROGRAM, folder / "model", HF_ENDPOINT=address, HF_HOME=str(folder / "hf"))
    return results, served, folder


@pytest.mark.slow
def test_what_the_hub_has(pushed):
    results, served, folder = pushed
    assert results["pushed"] == "hf://user/squares" and not results["pushed warned"]
    known = served.repositories["user/squares"]
    assert known["private"] is True
    first = known["commits"][[*known["commits"]][1]]
    assert {*first} == {
        ".gitattributes",
        "README.md",
        "assets/curves.png",
        "assets/samples.png",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    }
    card = hub.ModelCard(first["README.md"].decode())
    assert card.data.library_name == "keras" and card.data.license == "apache-2.0"
    assert card.data.datasets == ["squares"] and "two-stage-vae" in card.data.tags
    found = {result.metric_name: result for result in card.data.eval_results}
    assert {name: result.metric_value for name, result in found.items()} == {
        "FID, reconstruction": 4.5,
        "FID, stage 1": 30.0,
        "FID, stage 2": 9.25,
    }
    stage2 = found["FID, stage 2"]
    assert stage2.metric_type == "fid" and stage2.dataset_name == "squares"
    assert stage2.metric_args["num_samples"] == 500 and "judge" in stage2.metric_args["measured"]


@pytest.mark.slow
def test_uploads_that_break_off_are_repeated(pushed):
    _, served, _ = pushed
    assert not any(served.failures.values())
    commits = [path for method, path in served.requests if path.endswith("/commit/main")]
    # the first time twice; kept or not, each later push is one; nothing is there in between
    assert len(commits) == 4 and len(served.repositories["user/squares"]["commits"]) == 5


@pytest.mark.slow
def test_a_card_is_kept_unless_asked(pushed):
    results, served, _ = pushed
    (warning,) = results["again warned"]
    assert "`overwrite_card=True`" in warning and "user/squares" in warning
    commits = [*served.repositories["user/squares"]["commits"].values()]
    cards = [files.get("README.md", b"").decode() for files in commits[1:]]
    assert "squares" in cards[0] and cards[1] == cards[0]
    assert "circles" in cards[2] and "license" not in cards[2] and not results["anew warned"]


@pytest.mark.slow
def test_revisions_are_honoured(pushed, fitted):
    results, served, _ = pushed
    refs = served.repositories["user/squares"]["refs"]
    assert {*refs} == {"main", "v2"} and refs["main"] != refs["v2"]
    assert results["revision"] == "hf://user/squares@v2"
    assert results["main"] == results["keras"] == weights_digest(fitted)
    assert results["v2"] == results["load_model"] == results["changed"] != results["main"]


@pytest.mark.slow
def test_what_is_refused(pushed):
    results, served, _ = pushed
    assert results["forbidden"].startswith("ValueError: 'someone/squares' cannot be pushed to")
    assert "hf auth login" in results["forbidden"]
    created = [path for _, path in served.requests if path == "/api/repos/create"]
    assert len(created) == 5  # a refusal is not tried again
    for name, address in (("no model", "user/circles"), ("no revision", "user/squares@v3")):
        assert results[name].startswith("ValueError: There must be a model, and a revision")
        assert f"hf://{address}" in results[name]
    assert "of a FirstStageVAE" in results["another class"]
    assert "a TwoStageVAE, which `keras_tsvae.load_model` reads" in results["another class"]


@pytest.mark.slow
def test_without_network(pushed, fitted, tmp_path):
    _, _, folder = pushed
    out, home = tmp_path / "out.npz", str(folder / "hf")
    nowhere = "http://127.0.0.1:9"
    results = child(OFFLINE, out, HF_HUB_OFFLINE="1", HF_HOME=home, HF_ENDPOINT=nowhere)
    assert results["ours"] == results["keras"] == weights_digest(fitted)
    assert results["unknown"].startswith("ConnectionError: 'hf://user/unknown' cannot be downl")
    code, answer, _ = results["info"]
    known = json.loads(answer)
    assert code == 0 and known["model"] == "TwoStageVAE" and known["stages"]
    assert known["file"] == "hf://user/squares@v2"
    assert known["keras_tsvae_version"] == tsvae.__version__ and known["backend"]
    assert results["sample"][0] == 0 and np.load(out)["images"].shape == (2, 8, 8, 1)
    for name, wanted in (("sample of none", 1), ("sample of nothing", 2)):
        code, answer, errors = results[name]
        assert code == wanted and not answer
        assert errors.startswith("Error: ") and errors.count("\n") == 1
        assert "unknown" in errors


@pytest.mark.backend_free
def test_only_what_may_pass_is_repeated(monkeypatch):
    pauses = []
    monkeypatch.setattr(upload.time, "sleep", pauses.append)

    class Refused(Exception):
        def __init__(self, status):
            self.response = type("Response", (), {"status_code": status})

    def tried(*errors):
        left = list(errors)
        del pauses[:]

        def step():
            if left:
                raise left.pop(0)
            return "done"

        return upload._repeated(step, "user/model")

    assert tried(OSError("broken pipe"), Refused(503)) == "done" and pauses == [1.0, 5.0]
    assert tried(Refused(429), json.JSONDecodeError("no JSON", "", 0)) == "done"
    with pytest.raises(ConnectionError, match="'user/model' cannot be pushed to: gone"):
        tried(*[OSError("gone")] * 3)
    wrapped = RuntimeError("while uploading")
    wrapped.__cause__ = Refused(403)
    for error in (Refused(404), ValueError("invalid metadata"), wrapped):
        with pytest.raises(ValueError, match="cannot be pushed to"):
            tried(error)
        assert not pauses


def test_wrong_arguments_are_named_before_anything_is_sent(fitted, monkeypatch):
    monkeypatch.setattr(upload, "push_folder", lambda *args: pytest.fail("sent"))
    unbuilt = tsvae.FirstStageVAE(keras.Sequential([]), keras.Sequential([]))
    for repository in ("model", "user/", "a/b/c", "../x", None, 3):
        with pytest.raises(ValueError, match="`repo_id` must be 'user/model'. Received"):
            tsvae.hub.push(repository, fitted)
    for name, value in (
        ("license", 3),
        ("private", "yes"),
        ("revision", "a b"),
        ("revision", "../a"),
        ("evaluation", [1, 2]),
        ("evaluation", "fid.json"),
        ("history", {"loss": [1.0]}),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be "):
            tsvae.hub.push("user/model", fitted, **{name: value})
    for model in (fitted.first_stage, unbuilt, "model.keras"):
        with pytest.raises(ValueError, match="`model` must be a TwoStageVAE or a Conditional"):
            tsvae.hub.push("user/model", model)


@pytest.mark.parametrize("lacking", ["huggingface_hub", "matplotlib"])
def test_what_to_install(lacking, fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(ImportError) as caught:
        tsvae.hub.push("user/model", fitted)
    assert str(caught.value) == '`keras_tsvae.hub.push` needs `pip install "keras_tsvae[hub]"`'
    if lacking == "huggingface_hub":
        with pytest.raises(ImportError, match=r'\'hf://...\' needs `pip install "keras_tsvae\[hub'):
            tsvae.TwoStageVAE.from_preset("hf://user/model")
