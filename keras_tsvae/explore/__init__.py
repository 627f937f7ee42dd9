"""A page to play with a trained model, in a browser.

`page` needs Gradio, the extra `explore`; `Explorer`, what the page shows, does not.
"""

import typing

from keras_tsvae.explore.explorer import Explorer
from keras_tsvae.explore.wish import Wish
from keras_tsvae.models import TwoStageVAE

__all__ = ["Explorer", "Wish", "page", "require_gradio"]


def page(
    model: TwoStageVAE, *, resize: str = "crop", pictures: int | None = None, title: str = ""
) -> typing.Any:
    """Returns a page to play with a model: samples, conditions, pictures of one's own.

    It is a `gradio.Blocks`: `launch()` serves it to this machine alone, and as the `app.py` of a
    Hugging Face Space to everybody. It asks no other machine for anything.

    Args:
        model: A trained `TwoStageVAE`, with conditions or without.
        resize: `"crop"`, `"pad"` or `"stretch"`: how pictures that are dropped in come to the
            model's shape. Defaults to `"crop"`.
        pictures: 4, 9 or 16, how many are drawn at once. Defaults to None: as many as this
            machine draws in a fifth of a second.
        title: What the page is called. Defaults to the model's name.

    Raises:
        ImportError: If Gradio is not installed.
        ValueError: If an argument is not as described, or the model is not trained.

    Example:
        >>> keras_tsvae.explore.page(keras_tsvae.load_model("faces.keras")).launch()
    """
    require_gradio()
    from keras_tsvae.explore.blocks import make_page  # which needs Gradio

    return make_page(Explorer(model, resize, pictures), title or model.name)


def require_gradio() -> None:
    """Raises an `ImportError` that says what to install, if Gradio is not there."""
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "The page needs Gradio, of the extra `explore`: pip install 'keras_tsvae[explore]'. "
            f"Received: {error}"
        ) from error
