"""Batches of what can be read from its start again and again, in no order but its own."""

from typing import Any

import keras


class IterableBatches(keras.utils.PyDataset):
    """The batches of an iterable with a length, such as a `torch.utils.data.DataLoader`.

    They are read one after the other; batch 0 starts anew.

    Args:
        iterable: An object with `__iter__` and `__len__`.
        name: The argument that messages name.
    """

    keeps_order = True

    def __init__(self, iterable: Any, name: str) -> None:
        super().__init__()
        self.iterable = iterable
        self.name = name
        self._iterator: Any = None
        self._next = 0
        self._held: tuple[Any] | None = None

    def __len__(self) -> int:
        """Returns the number of batches."""
        return len(self.iterable)

    def peek(self) -> Any:
        """Returns the first batch; the pass that reads it goes on with the next `self[0]`."""
        if self._held is None:
            self._held = (self._from_start(),)
        return self._held[0]

    def __getitem__(self, index: int) -> Any:
        """Returns batch `index`; all before it are read as well, unless they have just been."""
        if index == 0 and self._held is not None:
            (batch,), self._held = self._held, None
            return batch
        self._held = None
        if index < self._next or self._iterator is None:
            batch = self._from_start()
            if index == 0:
                return batch
        while True:
            batch = self._read()
            if self._next > index:
                return batch

    def _from_start(self):
        self._iterator, self._next, self._held = iter(self.iterable), 0, None
        return self._read()

    def _read(self):
        try:
            batch = next(self._iterator)
        except StopIteration:
            self._iterator = None
            raise ValueError(
                f"`{self.name}` must yield as many batches as its length says, each time it is "
                f"read. Received: {self._next} batches, of a {type(self.iterable).__name__} of "
                f"length {len(self)}"
            ) from None
        self._next += 1
        return batch


def first_batch(dataset: keras.utils.PyDataset) -> Any:
    """Returns the first batch of a `PyDataset`, without starting a pass that is then left off."""
    return dataset.peek() if hasattr(dataset, "peek") else dataset[0]
