"""What a `tf.data.Dataset` needs, on either backend."""


def not_autotuned(dataset):
    """Returns a `tf.data.Dataset` that stops as soon as its last element is read.

    Autotuning wakes up after 10, 20, 40, ... ms, and often an epoch that is over waits for it: for
    up to as long as it took. A choice that is made already stays.
    """
    if dataset.options().autotune.enabled is not None:
        return dataset

    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
