"""The functions of a conditional model's SavedModel.

| function, signature | takes | gives |
|---|---|---|
| `sample`, `serving_default` | `n`, `seed` (int32 scalars) | `images`, conditions as in training |
| `sample_conditioned` | `condition` `(n, size)`, `seed` | `images` |
| `sample_stage1` | `n`, `seed` | `images` |
| `sample_mixture`, if one is fitted | `n`, `seed` | `images` |
| `decode` | `z` `(batch, latent_dim)`, `condition` | `images` |
| `encode` | `images` `(batch, height, width, channels)`, `condition` | `mean`, `std` |
| `reconstruct` | `images`, `condition` | `images` |
| `edit` | `images`, `condition`, `new_condition` | `images` |
| `infer_condition` | `images` | `condition` |
| `condition_names`, if there are names | | `names`, strings |

A `condition` is coded: attributes as +1 and -1, or as 1 and 0, in the order of the names, as
`ConditionalTwoStageVAE` takes them; classes one-hot; numbers and vectors as they are. Attributes
that are NaN are what a dict leaves out there: `sample_conditioned` draws them from the training
conditions that agree, and in a `new_condition` they stay as they are. Anything else is refused.
`decode`, `encode` and `reconstruct` ignore it if the first stage is not conditioned.
"""

import typing

import keras
import numpy as np

from keras_tsvae.export.argument_types import Exported
from keras_tsvae.export.batch_functions import edited
from keras_tsvae.export.sampling import RANDOM_SEED, sample_blocks


def conditional_functions(model: keras.Model) -> list[Exported]:
    """Returns functions with the names of their results and the specs of their arguments.

    Args:
        model: A trained `ConditionalTwoStageVAE`.
    """
    import tensorflow as tf

    model._require_trained()
    first, second = model.first_stage, model.second_stage
    mixture: typing.Any = model.mixture  # None if none is fitted
    number = tf.TensorSpec((), tf.int32)
    pixels = tf.TensorSpec((None, *model.image_shape), tf.float32)
    latents = tf.TensorSpec((None, model.latent_dim), tf.float32)
    codes = tf.TensorSpec((None, model.conditions.size), tf.float32)
    draw = _drawing(model)
    checked = _checking(model.conditions)

    def sampler(name, to_latents):
        def function(n, seed=RANDOM_SEED):
            def to_images(start, u, noise, choice):
                condition = draw(choice, None)
                z = to_latents(u, noise, condition)
                return first.decode_batch(z, *model._for(first, condition))

            return sample_blocks(model, n, seed, to_images, parts=3)

        function.__name__ = name
        return function, ["images"], {"n": number, "seed": number}

    def generate(u, noise, condition):
        return second.generate_batch(u, noise, *model._for(second, condition))

    def sample_conditioned(condition, seed=RANDOM_SEED):
        condition = checked(condition, may_be_open=True)

        def to_images(start, u, noise, choice):
            rows = draw(choice, condition[start : start + tf.shape(u)[0]])
            return first.decode_batch(generate(u, noise, rows), *model._for(first, rows))

        return sample_blocks(model, tf.shape(condition)[0], seed, to_images, parts=3)

    def decode(z, condition):
        condition = checked(condition, "condition", z)
        return first.decode_batch(z, *model._for(first, condition))

    def encode(images, condition):
        condition = checked(condition, "condition", images)
        return first.encode_batch(images, *model._for(first, condition))

    def reconstruct(images, condition):
        return decode(encode(images, condition)[0], condition)

    def edit(images, condition, new_condition):
        condition = checked(condition, "condition", images)
        new_condition = checked(new_condition, "new_condition", images, may_be_open=True)
        new_condition = tf.where(tf.math.is_nan(new_condition), condition, new_condition)
        return edited(first, second, images, condition, new_condition)

    def infer_condition(images):
        outputs = model.recognizer(images, training=False)
        return model.recognizer.codes_of(outputs, model.joint)

    def condition_names():
        return tf.constant(model.conditions.names)

    of_images = {"images": pixels, "condition": codes}
    return [
        sampler("sample", generate),
        sampler("sample_stage1", lambda u, noise, condition: u),
        *([sampler("sample_mixture", lambda u, noise, _: mixture(u, noise))] * bool(mixture)),
        (sample_conditioned, ["images"], {"condition": codes, "seed": number}),
        (decode, ["images"], {"z": latents, "condition": codes}),
        (encode, ["mean", "std"], of_images),
        (reconstruct, ["images"], of_images),
        (edit, ["images"], {**of_images, "new_condition": codes}),
        (infer_condition, ["condition"], {"images": pixels}),
        *([(condition_names, ["names"], {})] * bool(model.conditions.names)),
    ]


def _checking(conditions):
    """Returns a function that lets coded conditions pass, or fails with a word."""
    import tensorflow as tf

    def check(condition, name="condition", images=None, may_be_open=False):
        if images is not None:
            rows, n = tf.shape(condition)[0], tf.shape(images)[0]
            text = f"`{name}` must have one row for each image. Received: rows, images ="
            with tf.control_dependencies([tf.debugging.Assert(rows == n, [text, rows, n])]):
                # Of unknown length, or TensorFlow would fail before it came to the assertion.
                unknown = (None, conditions.size)
                condition = tf.compat.v1.placeholder_with_default(condition, unknown)
        is_open = tf.math.is_nan(condition)
        if conditions.kind == "attributes":
            valid, rule = _attributes(condition, is_open), "attributes, +1 and -1 or 1 and 0"
        elif conditions.kind == "classes":
            ones = tf.equal(tf.reduce_sum(condition, 1, keepdims=True), 1.0)
            valid = (tf.equal(condition, 0.0) | tf.equal(condition, 1.0)) & ones
            rule = "one-hot rows"
        else:
            valid, rule = tf.math.is_finite(condition), "finite numbers"
        if conditions.kind == "attributes" and may_be_open:
            rule += ", NaN for what is left open"
        else:
            valid &= ~is_open
        text = f"`{name}` must hold {rule}. Received:"
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(valid), [text, condition])]
        ):
            if conditions.kind != "attributes":
                return tf.identity(condition)
            return tf.where(is_open, condition, tf.where(condition > 0, 1.0, -1.0))

    return check


def _attributes(condition, is_open):
    """Returns where a condition holds +1 and -1, or, in all of its rows, 1 and 0, or is open."""
    import tensorflow as tf

    ones, zeros = tf.equal(tf.abs(condition), 1.0), tf.equal(condition, 0.0)
    mixed = tf.reduce_any(zeros) & tf.reduce_any(condition < 0.0)
    return (ones | zeros | is_open) & ~mixed


def _drawing(model):
    """Returns a function from noise and asked conditions, or None, to whole conditions.

    The rows of the joint distribution are picked by their quantile, as in `JointConditions.draw`.
    """
    import tensorflow as tf

    rows = tf.constant(model.joint.rows)
    weights = tf.constant(model.joint.weights)
    cumulative = tf.constant(model.joint.agreeing()[1])
    last = len(model.joint.rows) - 1

    def draw(choice, condition):
        uniform = 0.5 * tf.math.erfc(-tf.cast(choice[:, 0], tf.float64) / np.sqrt(2.0))
        if condition is None:
            return tf.gather(rows, tf.minimum(tf.searchsorted(cumulative, uniform), last))
        if model.conditions.kind != "attributes":
            return condition
        open_ones = tf.math.is_nan(condition)
        condition = tf.where(open_ones, 0.0, condition)
        agree = tf.matmul(condition, rows, transpose_b=True)
        agree = tf.equal(agree, tf.reduce_sum(tf.abs(condition), 1, keepdims=True))
        some = tf.reduce_any(agree, 1) | ~tf.reduce_any(open_ones, 1)
        text = "`condition` must agree with at least one training example, or leave nothing open"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(some), [text])]):
            among = tf.cumsum(tf.where(agree, weights, 0.0), axis=1)
        index = tf.searchsorted(among, (uniform * among[:, -1])[:, None])[:, 0]
        return tf.where(open_ones, tf.gather(rows, tf.minimum(index, last)), condition)

    return draw
