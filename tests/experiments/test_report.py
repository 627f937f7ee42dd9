"""`report.html`: complete in itself, harmless, and of whatever can be read."""

import base64
import html.parser
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from keras_tsvae.experiments import report_files, write_report
from tests.browsing import browser  # noqa: F401

pytestmark = pytest.mark.backend_free
HOSTILE = "<script>alert('\"&')</script><img src=x onerror=alert(1)>"
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "div", "section"}
TAGS |= {"figure", "figcaption", "img", "details", "summary", "table", "tr", "th", "td", "p"}
TAGS |= {"pre", "svg", "polyline", "circle", "text"}
CONFIG = {
    "command": "keras-tsvae train mnist --output runs/mine",
    "versions": {"keras": "3.15.1"},
    "data": {
        "source": "mnist",
        "image_shape": [28, 28, 1],
        "labels": "classes",
        "label_names": ["zero", "one of them"],
    },
    "model": {"name": "mnist_fast", "conditions": "classes", "gamma": None},
}
EVALUATION = {
    "features": "judge",
    "protocol": "standard",
    "rows": [
        {"name": "stage2", "fid": 12.34567, "kid": 0.5, "kid_std": 0.25, "num_samples": 100},
        {"name": "gaussian", "log_prob_bound": -101.23456},
    ],
    "caption": "first line\nsecond line",
    "obedience": {"each": {"zero": {"ceiling": 0.75}}, "mean": {"ceiling": 0.5}, "visible": []},
}


def png(shade, side=4):
    file = io.BytesIO()
    Image.fromarray(np.full((side, side), shade, "uint8")).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def run(tmp_path):
    """A folder of a run, all of it."""
    folder = tmp_path / "mine"
    (folder / "pictures").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION))
    (folder / "stage1.csv").write_text("epoch,gamma,loss,val_loss\n0,1,40,35\n1,0.05,nan,30\n")
    (folder / "stage2.csv").write_text("epoch,loss\n0,-3.5\n")
    for shade, name in enumerate(("spectrum", "samples_stage2", "stage1_epoch_0001", "curves")):
        (folder / "pictures" / f"{name}.png").write_bytes(png(shade))
    return folder


class Page(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.words, self.cells = [], [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        self.words.append(data)
        if self.tags and self.tags[-1] in ("td", "th"):
            self.cells[-1] += data.strip()

    def all(self, name):
        return [value for key, value in self.attributes if key == name]


def test_a_whole_run(run):
    path = write_report(run)
    assert path == run / "report.html"
    page = Page(path)
    assert set(page.tags) <= TAGS
    pictures = [base64.b64decode(source.split(",")[1]) for source in page.all("src")]
    assert pictures == [png(1), png(0), png(2)]  # the best first, and no curves but those drawn
    assert all(source.startswith("data:image/png;base64,") for source in page.all("src"))
    assert not page.all("href") and not page.all("xlink:href")
    for cell in ("12.35", "0.5 ± 0.25", "≥ -101.2", "stage 2", "single Gaussian", "0.75"):
        assert cell in page.cells
    for words in ("second line", "keras-tsvae train mnist", "28, 28, 1", "3.15.1"):
        assert words in page.text
    assert "keras-tsvae sample mine -n 64 --class 'one of them'" not in page.text
    assert "keras-tsvae sample mine -n 64 --class zero -o asked.png" in page.text
    assert "model.sample(64, seed=0, condition='zero')" in page.text
    assert "cannot be read" not in page.text and "What is not here" not in page.text
    assert page.tags.count("svg") == 3
    assert list(run.glob(".tsvae*")) == []


def test_attributes_are_asked_for_by_name(run):
    data = {"labels": "attributes", "label_names": ["it's a hat"]}
    (run / "config.json").write_text(json.dumps({**CONFIG, "data": data}))
    text = Page(write_report(run)).text
    assert """--with 'it'"'"'s a hat' -o asked.png""" in text
    assert """condition={"it's a hat": 1})""" in text


def test_names_are_harmless(run):
    names = {HOSTILE: HOSTILE, "\ud800": "\ud800", "nested": [{HOSTILE: [HOSTILE]}]}
    data = {**names, "labels": "classes", "label_names": [HOSTILE]}
    config = {**names, "command": HOSTILE, "data": data, "model": {"conditions": HOSTILE}}
    rows = [{"name": HOSTILE, "fid": HOSTILE, "num_samples": [HOSTILE]}, HOSTILE, {"name": {}}]
    obedience = {"each": {HOSTILE: {"ceiling": HOSTILE}, "other": HOSTILE}}
    (run / "config.json").write_text(json.dumps(config))
    figures = {"rows": rows, "caption": HOSTILE, "features": HOSTILE, "obedience": obedience}
    (run / "evaluation.json").write_text(json.dumps(figures))
    (run / "stage1.csv").write_text(f"epoch,{HOSTILE}\n0,1\n1,2\n")
    (run / "pictures" / f"{HOSTILE.replace('/', '')}.png").write_bytes(png(7))
    named = run.with_name(HOSTILE.replace("/", ""))
    run.rename(named)
    page = Page(write_report(named))
    assert set(page.tags) <= TAGS
    assert not [key for key, _ in page.attributes if key.startswith("on")]
    assert page.text.count("alert") > 10  # they are there as text


@pytest.mark.parametrize("name", ["config.json", "evaluation.json", "stage1.csv"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"epoch,loss\n0\n1,x\n"]
)
def test_damaged_files_are_named(run, name, content):
    (run / name).write_bytes(content)
    text = Page(write_report(run)).text
    readable = name == "stage1.csv" and content in (b"", b"{", b"[]", b"[" * 100_000)
    assert (f"{name} cannot be read: " in text) != readable
    assert "12.35" in text or name == "evaluation.json"


def test_what_is_no_picture_or_too_large_is_left_out(run, monkeypatch):
    monkeypatch.setattr(report_files, "_LARGEST", 1000)
    pictures = run / "pictures"
    (pictures / "text.png").write_bytes(b"<script>")
    (pictures / "large.png").write_bytes(png(0) + bytes(1000))
    (pictures / "folder.png").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(pictures / "pipe.png")  # to read it would never end
    page = Page(write_report(run))
    assert len(page.all("src")) == 3
    for name in ("text", "large", "folder", *(["pipe"] if hasattr(os, "mkfifo") else [])):
        assert f"pictures/{name}.png cannot be read: " in page.text


def test_a_page_holds_so_many_bytes_of_pictures(run, monkeypatch):
    monkeypatch.setattr(report_files, "_MOST_BYTES", 100)
    page = Page(write_report(run))
    assert len(page.all("src")) == 2 and "1 more pictures are too many" in page.text


def test_pictures_over_time_are_thinned(run):
    for epoch in range(1, 41):
        for kind in ("", "_reconstructions"):
            path = run / "pictures" / f"stage1_epoch_{epoch:04}{kind}.png"
            path.write_bytes(png(epoch + 100 * bool(kind)))
    found = report_files.ReportFiles(run).pictures
    for kind in ("", "_reconstructions"):
        names = [name for name in found if name.startswith("stage1") and name.endswith(kind)]
        epochs = [int(name.split("_")[2]) for name in names if name.count("_") == 2 + bool(kind)]
        assert len(epochs) == 12 and (epochs[0], epochs[-1]) == (1, 40)
        assert set(np.diff(epochs)) <= {3, 4}


@pytest.mark.parametrize(
    "name, content",
    [
        ("config.json", "{}"),
        ("config.json", json.dumps(CONFIG)),
        ("evaluation.json", json.dumps(EVALUATION)),
        ("stage2.csv", "epoch,loss\n0,1\n"),
    ],
)
def test_any_part_will_do_but_an_empty_one(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    if content == "{}":
        with pytest.raises(ValueError, match="`run_folder` must be .* Received: run_folder="):
            write_report(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [name]
    else:
        assert "h2" in Page(write_report(tmp_path)).tags


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="`run_folder` must be .* Received: run_folder="):
        write_report(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_what_was_there_is_replaced_whole(run, monkeypatch):
    path = write_report(run)
    (run / "evaluation.json").unlink()
    assert "12.35" not in Page(write_report(run)).text
    before = path.read_bytes()
    monkeypatch.setattr("keras_tsvae.experiments.report._page", lambda files: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(run)
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(run, browser, width):  # noqa: F811
    long = {"name": "a_setting_with_a_long_name" * 3, "source": "x" * 300}
    (run / "config.json").write_text(json.dumps({**CONFIG, "command": "y" * 300, "fit": long}))
    row = {key: 1.23456789 for key in ("fid", "kid", "is", "precision", "recall", "log_prob")}
    figures = {**EVALUATION, "rows": [{"name": "z" * 60, **row}]}
    (run / "evaluation.json").write_text(json.dumps(figures))
    path = write_report(run)
    tab = browser.new_page(viewport={"width": width, "height": 800})
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("img").first.evaluate("image => image.naturalWidth") == 4
    fill = "line => getComputedStyle(line).fill"
    assert tab.locator("polyline").first.evaluate(fill) == "none"
    tab.close()
    assert not said
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
