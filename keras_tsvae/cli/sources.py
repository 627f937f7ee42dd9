"""The two sides of a comparison: pictures, arrays, data sets, statistics, models."""

import dataclasses
import pathlib
import typing
from collections.abc import Sequence

import typer

from keras_tsvae import data
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.cli import models
from keras_tsvae.cli.paths import JUDGE, existing, located, model_in
from keras_tsvae.data.picture_folder import find_pictures, picture_batches
from keras_tsvae.metrics import InceptionV3Features, ReferenceStatistics, as_extractor
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.extractors import Extractor
from keras_tsvae.reading.npz import read_npz

_PARTS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Source:
    """What an argument means.

    Args:
        images: Images in the forms that metrics take, a model that draws them, or None.
        statistics: Path of a file of statistics in place of images, or None. Defaults to None.
        is_model: Whether it draws images. Defaults to False.
        is_folder: Whether `images` is the path of a folder. Defaults to False.
    """

    images: ImagesLike
    statistics: pathlib.Path | None = None
    is_model: bool = False
    is_folder: bool = False

    @property
    def image_shape(self) -> Sequence[int] | None:
        """The shape of the images, None if it is not known or they may differ."""
        if self.is_folder:
            return None
        if self.is_model:
            return self.images.image_shape
        images: typing.Any = getattr(self.images, "images", self.images)  # of a Split
        return None if images is None else images.shape[1:]

    def sized(self, image_shape: Sequence[int] | None, resize: str, skip_broken: bool) -> "Source":
        """Returns the pictures of a folder at the height and width of `image_shape`.

        Of None they stay as they are, and so does a source of another kind.
        """
        if not self.is_folder or (image_shape is None and not skip_broken):
            return self  # whose features are kept on the disk
        size = None if image_shape is None else image_shape[:2]
        return Source(
            picture_batches(self.images, size=size, resize=resize, skip_broken=skip_broken)
        )


def find_source(text: str, argument: str, data_dir: str | None = None) -> Source:
    """Returns what an argument means.

    Args:
        text: A data set's name, with `:train`, `:validation` or `:test`, which is the default;
            or the path of an `.npz` of statistics or of images, a `.keras` file, a SavedModel, the
            folder of a model, of a run, or of pictures; or `hf://user/model`.
        argument: What errors call it.
        data_dir: As `keras_tsvae.data.load` takes it. Defaults to None.

    Raises:
        typer.BadParameter: If there is nothing of that name.
        ValueError: If it cannot be read.
    """
    name, _, part = text.partition(":")
    if name in data.names() and name != "image_folder" and part in ("", *_PARTS):
        return Source(getattr(data.load(name, data_dir), part or "test"))
    path = located(text, argument)
    if path.suffix == ".npz":
        return _npz(path, argument)
    file = model_in(path)
    if file is None:
        find_pictures(path, argument)
        return Source(str(path), is_folder=True)
    if file.is_file() and file.suffix != ".keras":
        raise ValueError(
            f"{argument} must be a folder of pictures, an .npz, a model or one of the data sets "
            f"{', '.join(data.names())}. Received: {text!r}"
        )
    return Source(models.open_sampler(file, argument), is_model=True)


def find_features(features: str, *sides: str) -> Extractor:
    """Returns what pictures are measured by.

    Args:
        features: `"inception"`, `"judge"`, or the path of Inception's weights or a judge.
        *sides: Arguments, whose folders a judge may be in.

    Raises:
        typer.BadParameter: If there is no such file.
        ValueError: If it cannot be read.
    """
    if features == "inception":
        return InceptionV3Features()
    hint = "--features"
    path = _judge(sides) if features == "judge" else existing(features, hint)
    if path.suffix != ".keras":
        return InceptionV3Features(path)
    judge = models.read_model(path)
    if not isinstance(judge, ClassifierFeatures):
        raise ValueError(
            f"{hint} must name Inception's weights or a judge, a ClassifierFeatures. "
            f"Received: {str(path)!r}, a {type(judge).__name__}"
        )
    return as_extractor(judge)


def reference_of(
    source: Source, features: Extractor, sampling: dict[str, typing.Any], limit: int | None
) -> ReferenceStatistics:
    """Returns the statistics of a source.

    Args:
        source: A `Source`.
        features: What takes features, of a file those that it must hold.
        sampling: What a model's `sample_batches` takes besides `n`, its `limit`.
        limit: How many images to take, or None for all.
    """
    if source.statistics is not None:
        return ReferenceStatistics.load(source.statistics, features)
    if source.is_model:
        drawn = source.images.sample_batches(limit, **sampling)
        return ReferenceStatistics.from_images(drawn, features, limit)
    return ReferenceStatistics.from_images(source.images, features, limit)


def _npz(path, argument):
    try:
        arrays = read_npz(path)
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            f"{argument} must be an .npz that can be read. Received: {str(path)!r} ({error})"
        ) from error
    if {"mu", "sigma"} <= arrays.keys():
        return Source(None, path)
    batches = {name: array for name, array in arrays.items() if array.ndim == 4}
    for name in ("images", "x_test"):
        if name in batches:
            return Source(batches[name])
    if len(batches) == 1:
        return Source(next(iter(batches.values())))
    shapes = {name: array.shape for name, array in arrays.items()}
    raise ValueError(
        f"{argument} must be an .npz of `mu` and `sigma`, or of `images` "
        f"(n, height, width, channels). Received: {str(path)!r} of {shapes}"
    )


def _judge(sides):
    folders = [pathlib.Path(side).expanduser() for side in sides]
    for folder in (folder if folder.is_dir() else folder.parent for folder in folders):
        if (folder / JUDGE).is_file():
            return folder / JUDGE
    raise typer.BadParameter(
        f"no {JUDGE} lies beside {' or '.join(map(repr, sides))}; name the file of one",
        param_hint="'--features'",
    )
