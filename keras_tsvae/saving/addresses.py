"""Addresses of models that were shared: where to get them from."""

import os
import pathlib
import re
import typing

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.reading.keras_files import ASSETS, CONFIG, METADATA, WEIGHTS
from keras_tsvae.version import __version__

FORMS = (
    "the path of a `.keras` file or of a model's folder",
    "'hf://user/model'",
    "'hf://user/model@revision'",
    "'kaggle://user/model/keras/variation'",
)
_ADDRESS = re.compile(r"(hf|kaggle):/{1,2}(.*)")  # pathlib makes one slash of two
_NAME = r"[A-Za-z0-9][\w.-]*"
_REVISION = r"(?!.*\.\.)[A-Za-z0-9][\w./-]*"  # of a branch, a tag or a commit
_HF = re.compile(rf"({_NAME}/{_NAME})(?:@({_REVISION}))?")
_KAGGLE = re.compile(rf"{_NAME}/{_NAME}/{_NAME}/{_NAME}(/[0-9]+)?")
_FILES = [CONFIG, METADATA, WEIGHTS, f"{ASSETS}/*"]


def is_address(source: PathLike) -> bool:
    """Whether it is an address that `fetched` knows, rather than a path."""
    return _ADDRESS.fullmatch(str(source)) is not None


def is_revision(revision: typing.Any) -> bool:
    """Whether it may be the name of a branch, a tag or a commit."""
    return isinstance(revision, str) and re.fullmatch(_REVISION, revision) is not None


def is_source(source: typing.Any) -> bool:
    """Whether it is an address, or the path of something that is there."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    return is_address(source) or os.path.exists(os.path.expanduser(source))


def fetched(source: PathLike) -> pathlib.Path:
    """Returns the folder of a model that was shared, downloaded unless the cache has it.

    Args:
        source: `"hf://user/model"` for Hugging Face's hub, with `@` and a branch, tag or commit if
            it is not the newest on the main branch; or `"kaggle://user/model/keras/variation"` for
            Kaggle's, with `/` and a version if it is not the newest.

    Raises:
        ValueError: If it is no such address, or there is no such model or revision.
        ImportError: If the library that downloads is not installed.
        ConnectionError: If the download fails for another reason.
    """
    found = _ADDRESS.fullmatch(str(source))
    scheme, place = (found[1], found[2]) if found else ("", "")
    if scheme == "hf" and (parts := _HF.fullmatch(place)):
        return _from_hugging_face(str(source), parts[1], parts[2])
    if scheme == "kaggle" and _KAGGLE.fullmatch(place):
        return _from_kaggle(str(source), place)
    raise ValueError(f"An address must be {' or '.join(FORMS[1:])}. Received: {str(source)!r}")


def hugging_face(what_for: str) -> typing.Any:
    """Returns the module `huggingface_hub`, or raises an `ImportError` that says how to get it."""
    try:
        import huggingface_hub.errors  # which the package does not load by itself
    except ImportError as error:
        raise ImportError(f'{what_for} needs `pip install "keras_tsvae[hub]"`') from error
    return huggingface_hub


def _from_hugging_face(source, repository, revision):
    hub = hugging_face("'hf://...'")
    missing = (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError)
    library = {"library_name": "keras_tsvae", "library_version": __version__}
    try:
        return pathlib.Path(
            hub.snapshot_download(repository, revision=revision, allow_patterns=_FILES, **library)
        )
    except missing as error:
        raise ValueError(
            f"There must be a model, and a revision, of that name; a private one needs `hf auth "
            f"login` before. Received: {source!r}"
        ) from error
    except Exception as error:  # of whichever library it goes through
        raise ConnectionError(f"{source!r} cannot be downloaded: {error}") from error


def _from_kaggle(source, place):
    try:
        import kagglehub
    except ImportError as error:
        raise ImportError("'kaggle://...' needs `pip install kagglehub`") from error
    try:
        return pathlib.Path(kagglehub.model_download(place))
    except Exception as error:  # of whichever library it goes through
        raise ConnectionError(f"{source!r} cannot be downloaded: {error}") from error
