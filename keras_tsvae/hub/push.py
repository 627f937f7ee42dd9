"""Models on their way to Hugging Face's hub."""

import importlib.util
import pathlib
import re
import tempfile
import typing
import warnings
from collections.abc import Mapping

import keras

from keras_tsvae.hub import upload
from keras_tsvae.hub.card import CARD, Told, model_card
from keras_tsvae.hub.figures import figures_of
from keras_tsvae.hub.pictures import write_pictures
from keras_tsvae.models import TwoStageVAE
from keras_tsvae.reading.keras_files import ASSETS
from keras_tsvae.saving.addresses import hugging_face, is_revision

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FOLDER = "model"


def push(
    repo_id: str,
    model: TwoStageVAE,
    *,
    evaluation: typing.Any = None,
    history: keras.callbacks.History | Mapping[str, list[float]] | None = None,
    dataset: str | None = None,
    settings: Mapping[str, typing.Any] | None = None,
    license: str | None = None,
    private: bool | None = None,
    revision: str | None = None,
    overwrite_card: bool = False,
) -> str:
    """Uploads a model to Hugging Face's hub, with a model card.

    What goes there is the folder of `save_to_preset`, pictures, and the card: how to load and
    sample the model, samples, what a conditional model draws where it is asked for something,
    training curves, figures, and settings of the training. The card's front matter has `license`,
    `library_name`, tags, the data set and, in `model-index`, the FIDs.

    All of it is one commit, which is there whole or not at all. An upload that breaks off is
    repeated twice, and goes on with what has not arrived. You need to be logged in, by
    `hf auth login`.

    Args:
        repo_id: `"user/model"`. It is made if it is not there.
        model: A trained `TwoStageVAE`.
        evaluation: What `model.evaluate_generation` returned, or its `to_dict()`. Defaults to None:
            there are no figures.
        history: What `fit` returned, or its dict of losses. Defaults to None: that of the model's
            last `fit`, or none of a model that was loaded.
        dataset: Name of the data set. Defaults to None: that of the model's preset, if it has one.
        settings: Dict of what else the card says of the training. Defaults to None.
        license: Identifier of a licence, such as `"apache-2.0"`. Defaults to None: none is said.
        private: Whether a new repository is to be seen by you alone. Defaults to None: as your
            account has it, public unless changed.
        revision: A branch, made if it is not there. Defaults to None: the main branch.
        overwrite_card: Whether a card that is there is written anew. Defaults to False: it is kept,
            with a warning.

    Returns:
        The address to load it from, such as `"hf://user/model"`.

    Raises:
        ImportError: If `huggingface_hub` or matplotlib is not installed.
        ValueError: If an argument is not as described, the model is not built or has diverged, or
            the hub refuses it.
        ConnectionError: If the upload fails again and again.

    Example:
        >>> report = model.evaluate_generation(data.test, judge)
        >>> keras_tsvae.hub.push("user/mnist", model, evaluation=report, license="apache-2.0")
    """
    hugging_face("`keras_tsvae.hub.push`")
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError('`keras_tsvae.hub.push` needs `pip install "keras_tsvae[hub]"`')
    _check(repo_id, model, license, private, revision)
    rows, caption = figures_of(evaluation)
    address = f"hf://{repo_id}" + (f"@{revision}" if revision else "")
    told = Told(
        address,
        rows,
        caption,
        dataset or getattr(model.preset, "dataset", None),
        license,
        _losses(model, history),
        dict(settings or {}),
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / _FOLDER
        model.save_to_preset(folder)
        pictures = write_pictures(model, folder / ASSETS, told.history)
        card = model_card(model, told, pictures)
        kept = upload.push_folder(repo_id, folder, card, private, revision, overwrite_card)
    if kept:
        warnings.warn(
            f"The {CARD} of {repo_id!r} was kept as it is: `overwrite_card=True` writes it anew.",
            stacklevel=2,
        )
    return address


def _check(repo_id, model, license, private, revision):
    """Raises a `ValueError` unless the arguments are as described."""
    if not isinstance(repo_id, str) or not _REPOSITORY.fullmatch(repo_id):
        raise ValueError(f"`repo_id` must be 'user/model'. Received: repo_id={repo_id!r}")
    if not isinstance(model, TwoStageVAE):
        raise ValueError(
            "`model` must be a TwoStageVAE or a ConditionalTwoStageVAE. "
            f"Received: type(model)={type(model).__name__}"
        )
    model.require_built("pushed")
    if private not in (None, True, False):
        raise ValueError(f"`private` must be True, False or None. Received: private={private!r}")
    if license is not None and not isinstance(license, str):
        raise ValueError(f"`license` must be a str or None. Received: license={license!r}")
    if revision is not None and not is_revision(revision):
        raise ValueError(
            f"`revision` must be the name of a branch, or None. Received: revision={revision!r}"
        )


def _losses(model, history):
    """Returns the losses of all epochs, an empty dict if they are not known."""
    history = getattr(model, "history", None) if history is None else history
    return {} if history is None else dict(getattr(history, "history", history))
