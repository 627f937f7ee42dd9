"""The page in a browser without a screen: each control is used, and pictures change.

Skipped where Gradio, Playwright or a browser is missing. One page serves all tests of a process.
"""

import base64
import io
import socket

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.explore import Explorer, Wish, page
from tests import tiny
from tests.browsing import browser  # noqa: F401
from tests.conditions import toy

pytestmark = pytest.mark.slow
PATIENCE = 30_000  # milliseconds, on a machine that does much else


@pytest.fixture(scope="module")
def called():
    """The hosts other than this one that the server's process asks for."""
    hosts = []

    def watched(function):
        def call(host, *args, **kwargs):
            name = host.decode() if isinstance(host, bytes) else str(host)
            if name not in ("127.0.0.1", "localhost", "::1", "None"):
                hosts.append(name)
            return function(host, *args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", watched(socket.getaddrinfo))
        yield hosts


@pytest.fixture(scope="module")
def explorer():
    keras.utils.set_random_seed(0)
    model = toy.linear(seen=toy.ROWS)
    model.fit_mixture(tiny.images(32), num_components=2, seed=0)
    return Explorer(model, pictures=4)


@pytest.fixture(scope="module")
def served(called, explorer):
    """Where a page is served, as `keras-tsvae explore` serves it."""
    pytest.importorskip("gradio", reason="Gradio is not installed: the extra `explore`")
    blocks = page(explorer.model, pictures=4, title="<b>Corners</b>")
    address = blocks.launch(quiet=True, prevent_thread_lock=True)[1]
    yield address
    blocks.close(verbose=False)


@pytest.fixture
def visit(browser, served, called):  # noqa: F811
    """A page in the browser; at the end there was no error, and no other host was asked for."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(PATIENCE)
    errors, requests = [], []
    tab.on("console", lambda message: errors.append(message) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(error))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(served)
    tab.wait_for_selector("#samples img")
    yield Visit(tab)
    tab.close()
    assert not errors
    assert requests and all(url.startswith((served, "data:", "blob:")) for url in requests)
    assert not called


class Visit:
    """Somebody at the page."""

    def __init__(self, tab):
        self.tab = tab

    def address(self, place):
        image = self.tab.locator(f"#{place} img")
        return image.get_attribute("src") if image.count() else None

    def pixels(self, address):
        """A picture as the browser got it, in [0, 1]."""
        kind, text = address.split(",")
        assert kind == "data:image/png;base64"
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) / 255

    def shows(self, place, image):
        """Waits until a place shows a picture, and fails if it never does."""
        while True:
            address = self.address(place)
            if address is not None:
                pixels = self.pixels(address)
                if close(pixels, image):
                    return
            self.tab.wait_for_function(
                """([place, address]) => {
                    const image = document.querySelector(`#${place} img`);
                    return image && image.getAttribute("src") != address;
                }""",
                arg=[place, address],
            )

    def slide(self, slider, steps=1):
        for _ in range(steps):
            self.tab.locator(f"#{slider} input[type=range]").press("ArrowRight")

    def choose(self, control, label):
        self.tab.locator(f"#{control}").get_by_label(label, exact=True).check()

    def open(self, name):
        self.tab.get_by_role("tab", name=name).click()


def close(pixels, image):
    """Whether a file shows an image, whose values in [0, 1] it has."""
    return pixels.shape == image.shape and np.abs(pixels - image.clip(0, 1)).max() < 0.6 / 255


def grid(images):
    return image_grid(images, round(len(images) ** 0.5))


def test_samples(visit, explorer):
    """Seed, stage, strength and attributes change the samples as they change the model's."""
    visit.shows("samples", grid(explorer.samples(Wish())))
    visit.slide("seed")
    visit.shows("samples", grid(explorer.samples(Wish(seed=1))))
    visit.choose("stage", "mixture")
    visit.shows("samples", grid(explorer.samples(Wish(seed=1, stage="mixture"))))
    visit.choose("stage", "1, the first alone")
    visit.shows("samples", grid(explorer.samples(Wish(seed=1, stage=1))))
    visit.choose("stage", "2, both")
    wishes = {"north_west": "yes", "north_east": "no", "south_west": "yes"}
    condition = {}
    for number, (name, answer) in enumerate(wishes.items()):
        visit.choose(f"control{number}", answer)
        condition[name] = 1 if answer == "yes" else -1
        visit.shows("samples", grid(explorer.samples(Wish(1, 2, condition))))
    visit.slide("strength")
    visit.shows("samples", grid(explorer.samples(Wish(1, 2, condition, 1.1))))
    with visit.tab.expect_download() as download:
        visit.tab.locator("#samples").get_by_label("Download").click()
    assert download.value.suggested_filename == "samples.png"
    with Image.open(download.value.path()) as file:
        assert file.format == "PNG"
        assert close(np.asarray(file) / 255, grid(explorer.samples(Wish(1, 2, condition, 1.1))))


def test_what_cannot_be_is_said(visit, explorer):
    """No training condition has both attributes: a message, and the picture stays."""
    visit.choose("control0", "yes")
    visit.choose("control1", "yes")
    note = visit.tab.locator("#note textarea")
    note.wait_for()
    assert "must agree with at least one training example" in note.input_value()
    visit.choose("control1", "any")
    note.wait_for(state="hidden")
    visit.shows("samples", grid(explorer.samples(Wish(condition={"north_west": 1}))))


def test_between_two_and_the_plane(visit, explorer):
    visit.open("Between two")
    visit.shows("between", grid(explorer.between(Wish(), 1)))
    visit.slide("other")
    visit.shows("between", grid(explorer.between(Wish(), 2)))
    visit.slide("seed")
    visit.choose("control0", "yes")
    wish = Wish(1, condition={"north_west": 1})
    visit.shows("between", grid(explorer.between(wish, 2)))
    visit.open("Plane")
    visit.shows("spot", explorer.at(wish, 0, 0)[..., 0])
    rows = np.concatenate(explorer.plane(wish).reshape(2, 2, 8, 8).swapaxes(1, 2))
    visit.shows("plane", rows.reshape(16, 16).repeat(32, 0).repeat(32, 1))
    plane = visit.tab.locator("#plane img")
    box = plane.bounding_box()  # in which the plane is a square about the middle
    side = min(box["width"], box["height"])
    x, y = box["width"] / 2 + 0.25 * side, box["height"] / 2 - 0.4 * side
    plane.click(position={"x": x, "y": y})
    words = visit.tab.locator("#spot").get_by_text("to the right")
    visit.tab.get_by_text("At 1.").wait_for()
    right, down = (float(word) for word in words.inner_text().split() if word[-1].isdigit())
    assert abs(right - 1) < 0.03 and abs(down + 1.6) < 0.03
    visit.choose("control1", "no")  # the point stays while conditions change


def test_ones_own_picture(visit, explorer, tmp_path):
    image = tiny.images(1)[0]
    path = tmp_path / "mine.png"
    Image.fromarray(image[..., 0]).resize((32, 32), Image.Resampling.NEAREST).save(path)
    image = explorer.load(path)
    condition = explorer.inferred(image)
    visit.open("Your picture")
    visit.tab.locator("#given input[type=file]").set_input_files(path)
    visit.shows("reconstruction", explorer.reconstruction(image)[..., 0])
    visit.shows("edited", explorer.reconstruction(image)[..., 0])
    seen = visit.tab.locator("#seen textarea")
    assert seen.input_value() == explorer.in_words(condition)
    wish = Wish(condition={"south_west": -int(condition[2])})
    visit.choose("control2", "no" if condition[2] > 0 else "yes")
    visit.shows("edited", explorer.edited(image, condition, wish)[..., 0])
    visit.slide("strength", 5)
    stronger = Wish(condition=wish.condition, strength=1.5)
    visit.shows("edited", explorer.edited(image, condition, stronger)[..., 0])
    broken = tmp_path / "broken.png"
    broken.write_bytes(path.read_bytes()[:60])
    visit.tab.locator("#given").get_by_label("Remove Image").click()
    visit.tab.locator("#reconstruction img").wait_for(state="detached")
    visit.tab.locator("#edited img").wait_for(state="detached")
    assert seen.input_value() == ""
    visit.tab.locator("#given input[type=file]").set_input_files(broken)
    note = visit.tab.locator("#unread textarea")
    note.wait_for()
    assert "cannot be used" in note.input_value()


def test_titles_are_text_and_the_page_fits_a_telephone(visit):
    assert visit.tab.locator("h1 b").count() == 0
    assert visit.tab.locator("h1").inner_text() == visit.tab.title() == "<b>Corners</b>"
    visit.tab.set_viewport_size({"width": 390, "height": 800})
    assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 390
