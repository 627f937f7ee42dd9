"""README and the pages of docs/: their links lead somewhere, their snippets run."""

import re
import shlex

import keras
import pytest
import typer

import keras_tsvae as tsvae
from keras_tsvae import experiments, explore, hub, metrics, presets
from keras_tsvae.cli.main import app
from keras_tsvae.export.formats import FORMATS
from keras_tsvae.metrics import ClassifierFeatures
from tests import documents, tiny
from tests.documents import PAGES, REPOSITORY, blocks

# Pages whose snippets need devices, a hub, or minutes; what they show is tested there in small.
ELSEWHERE = {
    "docs/conditions.md": "tests/models/test_conditional_sampling.py",
    "docs/many_devices.md": "tests/models/test_distribution.py",
    "docs/sharing.md": "tests/hub/test_push.py",
}

# What a page's first snippet takes from the page before it in the README's list.
GIVEN = {
    "docs/command_line.md": (),
    "docs/evaluation.md": ("tsvae", "model", "data"),
    "docs/exporting.md": ("model",),
    "docs/interrupted.md": ("tsvae", "model", "images"),
    "docs/saving_and_exporting.md": ("tsvae", "model"),
    "docs/sharing.md": ("tsvae", "model", "data", "judge"),
}
WITH_SNIPPETS = [page for page in PAGES if blocks(page, "python") and page not in ELSEWHERE]
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="snippets export, and run on TensorFlow once"
)


@pytest.mark.backend_free
@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    broken = []
    for path, anchor in documents.links(page):
        target = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        if not target.exists():
            broken.append(path)
        elif anchor and anchor not in documents.anchors(target.resolve()):
            broken.append(f"{path}#{anchor}")
    assert broken == []


@pytest.mark.backend_free
def test_readme_is_short_and_names_every_page():
    readme = documents.text("README.md")
    assert len(readme.splitlines()) <= 150
    assert "make demo" in readme and "make test" in readme
    linked = {path for path, _ in documents.links("README.md")}
    assert {page for page in PAGES if page.startswith("docs/")} <= linked


@pytest.mark.backend_free
def test_every_room_is_in_the_house():
    house = documents.text("docs/house.md")
    rooms = {path.name for path in (REPOSITORY / "keras_tsvae").glob("*.py")} - {"__init__.py"}
    folders = (REPOSITORY / "keras_tsvae").glob("*/__init__.py")
    rooms |= {f"{path.parent.name}/" for path in folders}
    assert [room for room in sorted(rooms) if room not in house] == []


@pytest.mark.backend_free
@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page):
    known = typer.main.get_command(app).commands
    for line in documents.commands(page, "keras-tsvae"):
        name, *words = shlex.split(line)[1:]
        assert name in known, line
        options = {option for parameter in known[name].params for option in parameter.opts}
        given = {word.partition("=")[0] for word in words if re.match(r"-[-a-zA-Z]", word)}
        assert given <= options | {"--help"}, line
    for line in documents.commands(page, "python"):
        script = shlex.split(line)[1]
        folders = (REPOSITORY, (REPOSITORY / page).parent)  # where the page says to run it
        written = script in documents.text(page).partition(line)[0]  # the page's own program
        assert script[0] == "-" or written or any((f / script).exists() for f in folders), line


@pytest.mark.backend_free
def test_no_snippet_is_left_out():
    assert all((REPOSITORY / test).exists() for test in ELSEWHERE.values())
    assert {"README.md", *GIVEN} <= {*WITH_SNIPPETS, *ELSEWHERE}


@pytest.fixture
def outside(monkeypatch, tmp_path, capsys):
    """A folder with what pages take from outside; trainings are short, networks and data small."""
    monkeypatch.chdir(tmp_path)
    documents.write_files(tmp_path)
    get, load = presets.get, tsvae.data.load

    def small(name, **given):
        return get(name, **{**documents.SMALL, **given})

    def few(name, data_dir=None, **options):
        if data_dir is None and name != "digits":
            data_dir = "data"  # in place of a download
        return load(name, data_dir, **{"limit": 64, **options})

    monkeypatch.setattr(presets, "get", small)
    monkeypatch.setattr(tsvae.data, "load", few)
    for kind in (tsvae.FirstStageVAE, tsvae.TwoStageVAE, tsvae.ConditionalTwoStageVAE):
        monkeypatch.setattr(kind, "fit", short(kind.fit, kind is not tsvae.FirstStageVAE))
    monkeypatch.setattr(ClassifierFeatures, "fit", untrained_judge)
    return tmp_path


def short(fit, both):
    """Returns a `fit` of one epoch, of either stage."""

    def one_epoch(self, *args, **kwargs):
        epochs = {"epochs": 1, "verbose": 0}
        if both:
            epochs["second_stage_epochs"] = 1
        return fit(self, *args, **{**kwargs, **epochs})

    return one_epoch


def untrained_judge(images, labels, verbose=0):
    outputs = labels.max() + 1 if labels.ndim == 1 else labels.shape[1]
    return ClassifierFeatures(images.shape[1:], int(outputs), has_classes=labels.ndim == 1)


@pytest.fixture
def others(monkeypatch):
    """What has tests of its own and needs a network, a browser, or long: only called rightly."""
    export = tsvae.TwoStageVAE.export

    def saved_model(self, filepath, format="tf_saved_model"):
        assert format in FORMATS
        if format == "tf_saved_model":
            export(self, filepath)

    monkeypatch.setattr(tsvae.TwoStageVAE, "export", saved_model)
    function = tsvae.load_official_checkpoint
    monkeypatch.setattr(tsvae, "load_official_checkpoint", documents.calls(function))
    monkeypatch.setattr(hub, "push", documents.calls(hub.push))
    for name in ("choose", "train", "evaluate"):
        function = getattr(experiments, name)
        monkeypatch.setattr(experiments, name, documents.calls(function))

    class Page:
        launch = staticmethod(lambda: None)

    monkeypatch.setattr(explore, "page", documents.calls(explore.page, Page))
    judge = ClassifierFeatures(tiny.IMAGE_SHAPE, 10)
    function = metrics.InceptionV3Features
    monkeypatch.setattr(metrics, "InceptionV3Features", documents.calls(function, judge))


@pytest.mark.slow
@on_tensorflow
@pytest.mark.parametrize("page", WITH_SNIPPETS)
def test_snippets_run(page, outside, others):
    data = tsvae.data.load("digits")
    model = tiny.two_stage()
    model.fit(data.train, batch_size=16)
    if page == "docs/saving_and_exporting.md":
        prepare_exports(model, outside)
    if page == "docs/explore.md":
        model.save("model.keras")
    judge = ClassifierFeatures(tiny.IMAGE_SHAPE, 10)
    names = {"tsvae": tsvae, "model": model, "data": data, "judge": judge}
    names["images"] = data.train.images
    given = {name: names[name] for name in GIVEN.get(page, ())}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page}, snippet {number}", "exec"), given)


def prepare_exports(model, folder):
    """Exports the models of which the page of exports loads SavedModels."""
    (folder / "runs" / "digits_fast").mkdir(parents=True)
    model.export(folder / "runs" / "digits_fast" / "saved_model")
    data = tsvae.data.load("celeba", "folder/of/celeba", image_size=8)
    first = tsvae.FirstStageVAE(*tiny.linear_networks((8, 8, 3), 4))
    second = tsvae.SecondStageMixture(4, 2, condition_dim=40)
    names = presets.get("celeba_conditional").condition_names
    faces = tsvae.ConditionalTwoStageVAE(
        first, second, tsvae.conditions.Attributes(names), frozen_first_stage=False
    )
    faces.compile()
    faces.fit(data.train, recognizer_epochs=0)
    faces.export(folder / "faces_saved_model")
