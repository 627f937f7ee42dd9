"""The page itself, in Gradio: what stands where, and what calls for which pictures."""

import base64
import functools
import html
import io
import typing
from collections.abc import Callable

import gradio as gr
import numpy as np
from PIL import Image

from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.explore.explorer import SPAN, Explorer

SEEDS = 9999  # the greatest that a slider shows
_FEW = 12  # choices that stand side by side, at the most
_SIDE = 512  # pixels of the plane at least, for clicks to be exact
_KEPT = 3600  # seconds that visitors' pictures are kept
_CSS = """
.pictures img { width: 100%; height: auto; max-height: 34rem; }
.pictures img { object-fit: contain; image-rendering: pixelated; }
.pictures .image-frame, .pictures .image-container > button { width: 100%; }
.conditions { max-height: 60vh; overflow-y: auto; gap: 2px; }
.conditions > * { flex-shrink: 0; }
.attribute { display: flex; justify-content: space-between; align-items: center; }
.attribute.block { padding: 2px 8px; }
.attribute > span { margin: 0; }
.attribute .wrap { flex-wrap: nowrap; gap: 4px; }
.attribute label { padding: 2px 6px; }
"""
_DRAWING: dict[str, typing.Any] = {
    "show_progress": "hidden",
    "concurrency_id": "model",  # one after the other, or an older answer could come last
    "concurrency_limit": 1,
    "postprocess": False,  # see `_sent`
    "trigger_mode": "always_last",  # a slider in motion does not wait for where it has been
    "api_visibility": "private",
}


class _Page(gr.Blocks):
    """Blocks that are launched as they are to look, and ask no other machine for fonts."""

    def launch(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        fonts = {"font": ("system-ui", "sans-serif"), "font_mono": ("monospace",)}
        options = {"theme": gr.themes.Default(**fonts), "css": _CSS, "footer_links": []}
        options |= {"show_error": True, "ssr_mode": False, "run_history": False, "pwa": False}
        return super().launch(*args, **{**options, **kwargs})


def make_page(explorer: Explorer, title: str) -> gr.Blocks:
    """Returns the page of an `Explorer`."""
    explorer.warm_up()
    page = _Page(title=title, analytics_enabled=False, fill_width=True, delete_cache=(_KEPT, _KEPT))
    with page:
        gr.HTML(f"<h1>{html.escape(title)}</h1>")
        with gr.Row():
            with gr.Column(scale=2, min_width=340):
                wishes = _wishes(explorer)
            with gr.Column(scale=5, min_width=340):
                note = gr.Textbox(label="That cannot be drawn", visible=False, elem_id="note")
                tab = gr.State("samples")
                _views(explorer, wishes, tab, note, page)
                _own_picture(explorer, wishes, tab, note)
    return page


def _wishes(explorer):
    """Makes seed, stage, strength and the controls of the conditions; returns them in a list."""
    seed = gr.Slider(0, SEEDS, 0, step=1, label="Seed", elem_id="seed")
    names = {1: "1, the first alone", 2: "2, both", "mixture": "mixture"}
    stages = [(names[stage], str(stage)) for stage in explorer.stages]
    stage = gr.Radio(stages, value="2", label="Stage", elem_id="stage")
    strength = gr.Slider(
        0, 3, 1, step=0.1, label="Strength", elem_id="strength", visible=explorer.has_strength
    )
    with gr.Column(elem_classes="conditions", visible=bool(explorer.controls)):
        controls = [_component(control, i) for i, control in enumerate(explorer.controls)]
    return [seed, stage, strength, *controls]


def _component(control, number):
    """Returns what a control looks like."""
    options = {"value": control.value, "label": control.label, "elem_id": f"control{number}"}
    if control.choices is not None:
        choices = list(control.choices)
        if len(choices) > _FEW:
            return gr.Dropdown(choices, **options)
        return gr.Radio(choices, elem_classes="attribute" if len(choices) <= 3 else "", **options)
    if control.span is not None:
        low, high = control.span
        high = high if high > low else low + 1.0
        return gr.Slider(low, high, step=(high - low) / 100, **options)
    return gr.Checkbox(**options)


def _views(explorer, wishes, tab, note, page):
    """Makes a tab for each way to look, each of which is drawn while it is open."""
    with gr.Tab("Samples", id="samples") as samples:
        grid = _picture("Samples", "samples")
    with gr.Tab("Between two", id="between") as between:
        other = gr.Slider(0, SEEDS, 1, step=1, label="The seed to arrive at", elem_id="other")
        line = _picture("From seed to seed", "between")
    with gr.Tab("Plane", id="plane") as plane:
        gr.Markdown(
            "Click anywhere on the plane to draw what is there; the first sample is in the middle."
        )
        point = gr.State((0.0, 0.0))
        with gr.Row():
            ground = _picture("A plane of noise", "plane")
            spot = _picture("", "spot")
    tabs = {"samples": samples, "between": between, "plane": plane}
    draw = {"fn": _drawing(explorer), "inputs": [tab, point, other, *wishes]}
    draw |= {"outputs": [grid, line, ground, spot, note], **_DRAWING}
    gr.on([part.change for part in (tab, point, other, *wishes)], **draw)
    page.load(**draw)
    for name, item in tabs.items():
        item.select(lambda name=name: name, None, tab, show_progress="hidden")

    def clicked(event: gr.SelectData) -> tuple[float, float]:
        width, height = _plane_size(explorer)
        x, y = event.index
        return SPAN * (2 * (x + 0.5) / width - 1), SPAN * (2 * (y + 0.5) / height - 1)

    ground.select(clicked, None, point, show_progress="hidden")


def _own_picture(explorer, wishes, tab, note):
    """Makes the tab for a picture of one's own."""
    visible = explorer.conditions is not None
    with gr.Tab("Your picture", id="picture") as item:
        with gr.Row():
            given = gr.Image(
                label="Your picture",
                type="filepath",
                image_mode=None,  # or Gradio would decode it: the package does, in bounds
                sources=["upload", "clipboard"],
                elem_id="given",
            )
            shown = _picture("Reconstructed", "reconstruction")
            edited = _picture("Edited", "edited", visible)
        unread = gr.Textbox(label="That cannot be read", visible=False, elem_id="unread")
        seen = gr.Textbox(label="What the model sees in it", visible=visible, elem_id="seen")
    known = gr.State(None)  # of the picture: its pixels, and the condition seen in it

    nothing = [None, None, None, ""]

    @_or_note(nothing)
    def take(path):
        if path is None:
            return nothing
        image = explorer.load(path)
        condition = explorer.inferred(image)
        made = explorer.reconstruction(image)
        pictures = _sent(made, "reconstruction"), _sent(made, "edited")
        return (image, condition), *pictures, explorer.in_words(condition)

    @_or_note([gr.skip()])
    def edit(tab, known, *values):
        if tab != "picture":
            return None
        if known is None:
            return (None,)
        return (_sent(explorer.edited(*known, _wish(explorer, values)), "edited"),)

    editing = {"fn": edit, "inputs": [tab, known, *wishes], "outputs": [edited, note], **_DRAWING}
    given.change(take, given, [known, shown, edited, seen, unread], **_DRAWING)
    # by this one event alone, or what is drawn of a picture could come after it is gone
    gr.on([part.change for part in (tab, known, *wishes)], **editing)
    item.select(lambda: "picture", None, tab, show_progress="hidden")


def _drawing(explorer):
    """Returns the function that draws the open tab and leaves the pictures of others alone."""
    skipped = [gr.skip()] * 4

    @_or_note(skipped)
    def drawn(tab, point, other, *values):
        if tab == "picture":
            return None
        wish = _wish(explorer, values)
        pictures = list(skipped)
        if tab == "samples":
            pictures[0] = _sent(_grid(explorer.samples(wish)), "samples")
        elif tab == "between":
            pictures[1] = _sent(_grid(explorer.between(wish, int(other))), "between")
        else:
            pictures[2] = _sent(_plane(explorer, explorer.plane(wish)), "plane")
            x, y = point
            label = f"At {x:.2f} to the right, {y:.2f} down"
            pictures[3] = gr.update(value=_sent(explorer.at(wish, x, y), "spot"), label=label)
        return pictures

    return drawn


def _or_note(otherwise: list[typing.Any]) -> Callable[[typing.Any], typing.Any]:
    """Returns a decorator of functions of several outputs, to which it adds what was wrong.

    Args:
        otherwise: The outputs if something was. Where a function returns None, all stays as it is.
    """

    def decorator(function):
        @functools.wraps(function)
        def noted(*arguments):
            try:
                made = function(*arguments)
            except ValueError as error:
                return (*otherwise, gr.Textbox(str(error), visible=True))
            if made is None:
                return [gr.skip()] * (len(otherwise) + 1)
            return (*made, gr.Textbox(visible=False))

        return noted

    return decorator


def _wish(explorer, values):
    seed, stage, strength, *controls = values
    return explorer.wish(seed, stage if stage == "mixture" else int(stage), strength, controls)


def _picture(label, name, visible=True):
    """Makes a place for pictures, with a button that downloads them as PNG."""
    return gr.Image(
        label=label,
        interactive=False,
        visible=visible,
        buttons=["download", "fullscreen"],
        elem_id=name,
        elem_classes="pictures",
    )


def _grid(images):
    return image_grid(images, round(len(images) ** 0.5))


def _plane_size(explorer):
    """Returns width and height of the plane in pixels: whole multiples of its pictures' sides."""
    height, width, _ = explorer.image_shape
    side = round(explorer.pictures**0.5)
    times = -(-_SIDE // (side * min(height, width)))
    return side * width * times, side * height * times


def _plane(explorer, images):
    """Returns the pictures of the plane without borders, in that many pixels."""
    n, height, width, channels = images.shape
    side = round(n**0.5)
    tiles = images.reshape(side, side, height, width, channels).swapaxes(1, 2)
    ground = tiles.reshape(side * height, side * width, channels)
    times = _plane_size(explorer)[0] // (side * width)
    return ground.repeat(times, 0).repeat(times, 1)


def _sent(image, name):
    """Returns a picture as the browser gets it: a PNG in a data URI, and the name of its file.

    Gradio would write it to a file, and write that again while the browser reads it, where a slider
    comes back to where it was.
    """
    pixels = np.rint(255 * np.clip(image, 0, 1)).astype("uint8")
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    text = base64.b64encode(file.getvalue()).decode("ascii")
    return {"url": f"data:image/png;base64,{text}", "orig_name": f"{name}.png"}
