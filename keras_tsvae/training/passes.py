"""Data whose order goes on from one pass to the next, at a later pass than its first."""

from typing import Any

import keras


def skip_passes(data: Any, passes: int, measured: bool = False) -> None:
    """Lets data be as if a fit had read it before, without reading it.

    A `tf.data.Dataset` that shuffles with a seed has another order for each iterator, read or not,
    of which Keras makes two a pass on TensorFlow, if the length is known. It ends an epoch of a
    `PyDataset` that it measures twice on JAX.

    Args:
        data: What Keras fits or measures.
        passes: Int.
        measured: Whether it is validation data. Defaults to False.
    """
    if isinstance(data, keras.utils.PyDataset):
        for _ in range(passes):
            if measured and not _on_tensorflow():
                data.on_epoch_end()
            data.on_epoch_begin()
            data.on_epoch_end()
    elif hasattr(data, "element_spec"):
        for _ in range(2 * passes if _on_tensorflow() and data.cardinality() >= 0 else passes):
            iter(data)


def _on_tensorflow():
    return keras.backend.backend() == "tensorflow"
