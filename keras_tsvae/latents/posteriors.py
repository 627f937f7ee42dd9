"""The bridge between the stages: a data set encoded once, one posterior per image."""

import contextlib
import pathlib
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from typing import IO

import numpy as np

from keras_tsvae.arguments import non_negative_int
from keras_tsvae.arrays.numbers import finite_in_float32, native
from keras_tsvae.arrays.types import ArrayLike, PathLike
from keras_tsvae.files import expanded, scratch_folder, written_beside
from keras_tsvae.latents.posteriors_file import NAMES, map_arrays, row_slices, write_arrays


class Posteriors:
    """Means and standard deviations of the posteriors q(z|x) of a data set.

    In memory as arrays, or memory-mapped from an HDF5 file with the data sets `mean`, `std` and, if
    there is one, `condition`, of which only the rows in use are read.

    Args:
        mean: Array of shape `(n, latent_dim)`.
        std: Array of the same shape, not negative.
        condition: Optional array `(n, condition_dim)`, the condition of each image. Defaults to
            None.

    Raises:
        ValueError: If the shapes are not so, or values are not finite, or `std` is negative.

    Example:
        >>> posteriors = first_stage.posteriors(images)
        >>> second_stage.fit(posteriors, epochs=10)

    Source:
        Dai & Wipf (2019), section 4: the second stage is trained on samples of the aggregated
        posterior, `z = mean + std * noise`.
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike, condition: ArrayLike | None = None) -> None:
        mean, std = _as_array("mean", mean), _as_array("std", std)
        if {mean.dtype.kind, std.dtype.kind} - set("fiu") or max(mean.itemsize, std.itemsize) > 8:
            raise ValueError(
                "`mean` and `std` must be numbers, of 64 bits at the most. "
                f"Received: mean.dtype={mean.dtype}, std.dtype={std.dtype}"
            )
        if mean.ndim != 2 or mean.shape != std.shape or not len(mean):
            raise ValueError(
                "`mean` and `std` must have one shape (n, latent_dim), and n at least 1. "
                f"Received: mean.shape={mean.shape}, std.shape={std.shape}"
            )
        for rows in row_slices(len(mean)):
            if not (finite_in_float32(mean[rows]) and finite_in_float32(std[rows])):
                raise ValueError(
                    "`mean` and `std` must be finite. "
                    "Received: NaN, infinity or more than float32 holds"
                )
            if std[rows].min() < 0:
                raise ValueError(f"`std` must not be negative. Received: min={std[rows].min()}")
        self.mean = mean
        self.std = std
        self.condition = None if condition is None else _check_rows(condition, len(mean))

    def __len__(self) -> int:
        """Returns the number of posteriors."""
        return len(self.mean)

    def __repr__(self) -> str:
        """Returns a short description."""
        condition = "" if self.condition is None else f", condition_dim={self.condition_dim}"
        return f"Posteriors(n={len(self)}, latent_dim={self.latent_dim}{condition})"

    @property
    def latent_dim(self) -> int:
        """The width of z."""
        return self.mean.shape[1]

    @property
    def condition_dim(self) -> int | None:
        """The width of the conditions, None without."""
        return None if self.condition is None else self.condition.shape[1]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """`(mean, std)` or `(mean, std, condition)`."""
        pair = (self.mean, self.std)
        return pair if self.condition is None else (*pair, self.condition)

    def z_std(self) -> float:
        """The standard deviation of z over the data set, averaged over dimensions in square.

        `sqrt(mean_j(Var mean_j + E std_j^2))`, close to 1 where the KL divergence has done its
        work (Asperti & Trentin 2020).
        """
        total, squares = np.zeros(self.latent_dim), np.zeros(self.latent_dim)
        for rows in row_slices(len(self)):
            mean = self.mean[rows].astype("float64")
            total += mean.sum(0)
            squares += np.square(mean).sum(0) + np.square(self.std[rows], dtype="float64").sum(0)
        return float(np.sqrt(np.mean(squares / len(self) - np.square(total / len(self)))))

    def active_units(self, threshold: float = 0.8) -> int:
        """Returns the number of latent variables that carry information.

        A unit is inactive if its mean posterior variance, `E std_j^2`, is close to the prior's 1
        (Trentin 2019, section 3.3).

        Args:
            threshold: The mean variance below which a unit is active. Defaults to 0.8, as in
                Asperti & Trentin (2020).
        """
        squares = np.zeros(self.latent_dim)
        for rows in row_slices(len(self)):
            squares += np.square(self.std[rows], dtype="float64").sum(0)
        return int((squares / len(self) < threshold).sum())

    def save(self, path: PathLike) -> None:
        """Writes an HDF5 file of all arrays by name, at once or not at all."""
        with written_beside(path) as partial:
            write_arrays(partial, self.arrays)

    @classmethod
    def load(cls, path: PathLike) -> "Posteriors":
        """Opens a file written by `save`; rows are read from the disk as they are used.

        Raises:
            ValueError: If the file is missing, is not such a file, or is damaged.
        """
        path = expanded(path)
        try:
            arrays = map_arrays(path)
        except Exception as error:  # there is hardly an error that a damaged file cannot cause
            raise ValueError(
                "`path` must be an HDF5 file written by `Posteriors.save`. "
                f"Received: path={str(path)!r} ({error})"
            ) from error
        return cls(*arrays)

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[tuple[np.ndarray, ...]],
        memory_limit: int = 2**30,
        path: PathLike | None = None,
    ) -> "Posteriors":
        """Gathers batches, in memory, or in an HDF5 file once they grow too large.

        Args:
            batches: Iterable of tuples of float32 arrays, `(mean, std)` or
                `(mean, std, condition)`.
            memory_limit: Bytes to keep in memory at the most. Defaults to 1 GiB.
            path: Where the HDF5 file goes. Defaults to None: a temporary folder that is removed
                with the returned object.

        Raises:
            ValueError: If there is no batch, `memory_limit` is negative or `path` is a folder.
        """
        check_storage(memory_limit, path)
        gathered = _Gathered(memory_limit, path)
        try:
            for batch in batches:
                gathered.append(batch)
            return gathered.finish(cls)
        finally:
            gathered.close()


def check_storage(memory_limit: int, path: PathLike | None, prefix: str = "") -> None:
    """Raises a `ValueError` unless posteriors can be kept so.

    Args:
        memory_limit: As in `Posteriors.from_batches`.
        path: Likewise.
        prefix: What stands before both names in messages.
    """
    non_negative_int(f"{prefix}memory_limit", memory_limit)
    if path is None:
        return
    target = expanded(path).absolute()
    if target.is_dir():
        raise ValueError(f"`{prefix}path` must name a file. Received: the folder {str(path)!r}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise ValueError(
            f"`{prefix}path` must be in a folder that can be written. "
            f"Received: {prefix}path={str(path)!r}, where {error}"
        ) from error


class _Gathered:
    """Batches so far: in lists, or, beyond the limit, one raw file for each array."""

    def __init__(self, memory_limit: int, path: PathLike | None) -> None:
        self.memory_limit = memory_limit
        self.path = None if path is None else expanded(path)
        self.lists: list[list[np.ndarray]] = []
        self.bytes = 0
        self.scratch = contextlib.ExitStack()
        self.spools: list[IO[bytes]] = []

    def append(self, batch: tuple[np.ndarray, ...]) -> None:
        if not self.lists:
            self.lists = [[] for _ in batch]
        for rows, array in zip(self.lists, batch):
            rows.append(np.ascontiguousarray(array, "float32"))
            self.bytes += rows[-1].nbytes
        if self.bytes > self.memory_limit:
            self._spill()

    def _spill(self) -> None:
        if not self.spools:
            if self.path is None:
                temporary = tempfile.TemporaryDirectory(prefix="posteriors-")
                folder = pathlib.Path(self.scratch.enter_context(temporary))
            else:
                folder = self.scratch.enter_context(scratch_folder(self.path))
            self.spools = [
                self.scratch.enter_context(open(folder / name, "wb"))
                for name, _ in zip(NAMES, self.lists)
            ]
            self.widths = [rows[0].shape[1] for rows in self.lists]
        for rows, spool in zip(self.lists, self.spools):
            spool.writelines(row.data for row in rows)
            rows.clear()

    def finish(self, cls: type[Posteriors]) -> Posteriors:
        if not self.spools:
            if not self.lists:
                raise ValueError("`batches` must not be empty. Received: no batch")
            posteriors = cls(*(np.concatenate(rows) for rows in self.lists))
            if self.path is not None:
                posteriors.save(self.path)
            return posteriors
        self._spill()
        for spool in self.spools:
            spool.close()
        arrays = [
            np.memmap(spool.name, "float32", mode="r").reshape(-1, width)
            for spool, width in zip(self.spools, self.widths)
        ]
        target = self.path or pathlib.Path(tempfile.mkdtemp(prefix="posteriors-"), "posteriors.h5")
        with written_beside(target) as partial:
            write_arrays(partial, arrays)
        posteriors = cls.load(target)
        if self.path is None:
            weakref.finalize(posteriors, shutil.rmtree, target.parent, ignore_errors=True)
        return posteriors

    def close(self) -> None:
        self.scratch.close()


def _as_array(name: str, value: ArrayLike) -> np.ndarray:
    try:
        return native(np.asanyarray(value))
    except ValueError as error:
        raise ValueError(f"`{name}` must have rows of one length. Received: {error}") from error


def _check_rows(condition: ArrayLike, n: int) -> np.ndarray:
    condition = _as_array("condition", condition)
    if condition.ndim != 2 or len(condition) != n or condition.dtype.kind not in "fiu":
        raise ValueError(
            "`condition` must be numbers of shape (n, condition_dim), one row for each of the n "
            f"posteriors. Received: dtype={condition.dtype}, shape={condition.shape}, n={n}"
        )
    for rows in row_slices(n):
        if not finite_in_float32(condition[rows]):
            raise ValueError(
                "`condition` must be finite. Received: NaN, infinity or more than float32 holds"
            )
    return condition
