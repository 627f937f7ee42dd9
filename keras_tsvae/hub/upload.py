"""Uploads to Hugging Face's hub, repeated where they break off."""

import json
import pathlib
import time
import typing
from collections.abc import Callable, Iterator

from keras_tsvae.hub.card import CARD
from keras_tsvae.saving.addresses import hugging_face
from keras_tsvae.version import __version__

_PAUSES = (1.0, 5.0)  # seconds before an upload is repeated
_MAIN = "main"
_PASSING = (408, 429)  # of the hub's refusals, those that may not come again

_Result = typing.TypeVar("_Result")


def push_folder(
    repo_id: str,
    folder: pathlib.Path,
    card: str,
    private: bool | None,
    revision: str | None,
    overwrite_card: bool,
) -> bool:
    """Uploads a folder and a card in one commit.

    Args:
        repo_id: `"user/model"`, made if it is not there.
        folder: The folder; the card is written there.
        card: Text of the card.
        private: Whether a new repository is private, or None.
        revision: A branch, made if it is not there, or None.
        overwrite_card: Whether a card that is there is replaced.

    Returns:
        Whether a card was there and has been kept.

    Raises:
        ValueError: If the hub refuses it.
        ConnectionError: If it fails again and again.
    """
    api = hugging_face("`keras_tsvae.hub.push`").HfApi(
        library_name="keras_tsvae", library_version=__version__
    )

    def prepare() -> bool:
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision not in (None, _MAIN):
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        return not overwrite_card and api.file_exists(repo_id, CARD, revision=revision)

    kept = _repeated(prepare, repo_id)
    if not kept:
        (folder / CARD).write_text(card, encoding="utf-8")
    message = f"Model of keras_tsvae {__version__}"
    _repeated(
        lambda: api.upload_folder(
            repo_id=repo_id, folder_path=folder, commit_message=message, revision=revision
        ),
        repo_id,
    )
    return kept


def _repeated(step: Callable[[], _Result], repo_id: str) -> _Result:
    """Returns what `step` returns, tried again where it may have failed by chance."""
    pauses = list(_PAUSES)
    while True:
        try:
            return step()
        except Exception as error:  # of whichever library it goes through
            told = f"{repo_id!r} cannot be pushed to: {error}"
            status = _refusal(error)
            if status in (401, 403):
                told += " (are you logged in, `hf auth login`, with the right to write there?)"
            if status is not None:
                raise ValueError(told) from error
            if not pauses:
                raise ConnectionError(told) from error
            time.sleep(pauses.pop(0))


def _refusal(error: BaseException) -> int | None:
    """Returns the code of a refusal that would come again, 400 where there is none, or None."""
    for cause in _causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            return status if 400 <= status < 500 and status not in _PASSING else None
        if isinstance(cause, ValueError) and not isinstance(cause, json.JSONDecodeError):
            return 400
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
