"""How the functions of a SavedModel draw samples: from seeds, in blocks of bounded size."""

from collections.abc import Callable

import keras

from keras_tsvae.arrays.noise import NOISE_BLOCK, SEED_RANGE
from keras_tsvae.arrays.types import Tensor

RANDOM_SEED = -1


def sample_blocks(
    model: keras.Model, n: Tensor, seed: Tensor, to_images: Callable[..., Tensor], parts: int
) -> Tensor:
    """Draws `n` samples in blocks of `NOISE_BLOCK`, the noise as in `arrays.noise.noise_batches`.

    `to_images` makes images of the number of the block's first row and as many batches of noise as
    there are `parts`.
    """
    import tensorflow as tf

    n, seed = tf.cast(n, tf.int32), tf.cast(seed, tf.int64)
    positive = tf.debugging.Assert(n > 0, ["`n` must be a positive integer. Received: n =", n])
    valid = tf.debugging.Assert(
        seed >= RANDOM_SEED, ["`seed` must be at least 0, or -1. Received: seed =", seed]
    )
    with tf.control_dependencies([positive, valid]):
        n, seed = tf.identity(n), tf.identity(seed)
    # Drawn by an operation whose own seeds are zero, so that no global seed can fix it.
    drawn = tf.raw_ops.RandomUniformInt(
        shape=tf.constant([], tf.int32), minval=0, maxval=SEED_RANGE, seed=0, seed2=0
    )
    given = tf.cast(seed % SEED_RANGE, tf.int32)
    seed = tf.where(tf.equal(seed, RANDOM_SEED), drawn, given)

    def block(index, images):
        rows = tf.minimum(n - index * NOISE_BLOCK, NOISE_BLOCK)
        noise = [
            tf.random.stateless_normal(
                (NOISE_BLOCK, model.latent_dim), tf.stack([seed, parts * index + part])
            )[:rows]
            for part in range(parts)
        ]
        return index + 1, images.write(index, to_images(index * NOISE_BLOCK, *noise))

    count = (n + NOISE_BLOCK - 1) // NOISE_BLOCK
    images = tf.TensorArray(
        tf.float32, count, infer_shape=False, element_shape=(None, *model.image_shape)
    )
    _, images = tf.while_loop(
        lambda index, _: index < count, block, (0, images), parallel_iterations=1
    )
    return images.concat()
