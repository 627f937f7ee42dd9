"""Data whose order goes on from one pass to the next, at a later pass than its first."""

from typing import Any

import keras


def skip_passes(data: Any, passes: int) -> None:
    """Lets data be as if a fit had read it before, without reading it.

    A `tf.data.Dataset` that shuffles with a seed has another order for each iterator, read or not,
    of which Keras makes two a pass on TensorFlow, but one in the first of unknown length.

    Args:
        data: What Keras fits or measures.
        passes: Int.
    """
    if isinstance(data, keras.utils.PyDataset):
        for _ in range(passes):
            data.on_epoch_begin()
            data.on_epoch_end()
    elif hasattr(data, "element_spec"):
        if keras.backend.backend() == "tensorflow" and passes:
            passes = 2 * passes - (0 if int(data.cardinality()) >= 0 else 1)
        for _ in range(passes):
            iter(data)
