"""A user's `PyDataset` with something done to each batch."""

from collections.abc import Callable
from typing import Any

import keras

from keras_tsvae.inputs.iterable_batches import first_batch


class TransformedBatches(keras.utils.PyDataset):
    """Batches of another `PyDataset`, each passed through a function.

    Args:
        dataset: A `keras.utils.PyDataset`.
        function: Function from a batch to a tuple of arrays.
        use_multiprocessing: Whether workers may be processes, if those of `dataset` are.
    """

    def __init__(
        self,
        dataset: keras.utils.PyDataset,
        function: Callable[[Any], tuple[Any, ...]],
        use_multiprocessing: bool = True,
    ) -> None:
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=use_multiprocessing and dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.function = function
        self.keeps_order = getattr(dataset, "keeps_order", False)
        self.on_epoch_begin = dataset.on_epoch_begin
        self.on_epoch_end = dataset.on_epoch_end

    @property
    def num_batches(self) -> int | None:
        """The number of batches."""
        return self.dataset.num_batches

    def peek(self) -> tuple[Any, ...]:
        """Returns the first batch, transformed (see `first_batch`)."""
        return self.function(first_batch(self.dataset))

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Returns batch `index`, transformed."""
        return self.function(self.dataset[index])
