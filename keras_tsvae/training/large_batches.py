"""Batches of a `tf.data.Dataset` that are large enough to be split over several devices."""

from collections.abc import Callable

from keras_tsvae.arrays.types import Dataset, Tensor


def large_batches(dataset: Dataset, is_large: Callable[[Tensor], Tensor], devices: int) -> Dataset:
    """Returns a data set without the batches that are too small, such as a last partial one.

    Where there are no others, Keras would train on nothing: it fails as it is read if its first two
    batches are too small, or all.

    Args:
        dataset: A `tf.data.Dataset` of tuples.
        is_large: Function of the number of rows of a batch, a tensor, whether it is large enough.
        devices: Int, over how many devices batches are split.
    """
    import tensorflow as tf

    # One element more, so that the end of a data set without any large batch is seen.
    end = tf.nest.map_structure(
        lambda spec: tf.zeros([size or 0 for size in (0, *spec.shape[1:])], spec.dtype),
        dataset.element_spec,
    )
    marked = dataset.map(lambda *batch: (batch, True))
    marked = marked.concatenate(tf.data.Dataset.from_tensors((end, False)))

    def judge(state, element):
        small, last, any_large = state
        batch, is_batch = element
        rows = tf.shape(batch[0])[0]
        large = is_batch & is_large(rows)
        any_large |= large
        small += tf.cast(is_batch & ~large, tf.int64)
        last = tf.where(is_batch, rows, last)
        fine = any_large | (is_batch & (small < 2))
        rule = f"`x` must yield batches with an example for each of the {devices} devices of this "
        received = [rule + "process. Received: batches of rows =", last]
        with tf.control_dependencies([tf.debugging.Assert(fine, received)]):
            return (small, last, tf.identity(any_large)), (batch, large)

    none = (tf.constant(0, tf.int64), tf.constant(0), tf.constant(False))
    judged = marked.scan(none, judge)
    return judged.filter(lambda batch, large: large).map(lambda batch, large: batch)
