"""SavedModels that sample, decode, encode and reconstruct with TensorFlow alone."""

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.export.argument_types import of_all_types
from keras_tsvae.export.formats import free_folder
from keras_tsvae.export.in_tensorflow import export_in_tensorflow
from keras_tsvae.export.sampling import RANDOM_SEED, sample_blocks
from keras_tsvae.files import written_beside


def export_saved_model(model: keras.Model, filepath: PathLike) -> None:
    """Writes a `TwoStageVAE` as a SavedModel, at once or not at all.

    | function, signature | takes | gives |
    |---|---|---|
    | `sample`, `serving_default` | `n`, `seed` (int32 scalars) | `images` |
    | `sample_stage1` | `n`, `seed` | `images` |
    | `sample_mixture`, if one is fitted | `n`, `seed` | `images` |
    | `decode` | `z` `(batch, latent_dim)` | `images` |
    | `encode` | `images` `(batch, height, width, channels)` | `mean`, `std` |
    | `reconstruct` | `images` | `images` |

    Those of a `ConditionalTwoStageVAE` are listed at `keras_tsvae.export.conditional`.

    Images are float32 in [0, 1]; the functions, not the signatures, also take uint8 images, float64
    arrays, and numbers of NumPy's other integer types. Images of other values are refused. Seeds
    are non-negative, and give the images that `TwoStageVAE.sample` gives; -1, the default of the
    functions, draws a seed anew at every call. TensorFlow traces a function that it has loaded anew
    for every number of Python's: in a program that runs for long, pass `tf.constant(n)` and
    `seed=tf.constant(seed)`, or call the signatures. The graph holds no optimiser, no metrics and
    no training branch; noise is drawn, and images are decoded, in blocks of bounded size.

    On another backend than TensorFlow, another process loads the model on TensorFlow and exports it
    (see `keras_tsvae.export.in_tensorflow`).

    Args:
        model: A built `TwoStageVAE`.
        filepath: Path of a folder that does not exist or is empty; `~` is expanded.

    Raises:
        ValueError: If `filepath` exists and is not an empty folder.
        ImportError: If TensorFlow is not installed.
        RuntimeError: If the other process fails.
    """
    filepath = free_folder(filepath)
    if keras.backend.backend() != "tensorflow":
        export_in_tensorflow(model, filepath, "tf_saved_model")
        return
    import tensorflow as tf

    module, signatures = _sampler(model, _functions(model))
    with written_beside(filepath) as partial:
        tf.saved_model.save(module, str(partial), signatures=signatures)


def _functions(model):
    """Returns what is exported: functions with the names of their results and their arguments."""
    import tensorflow as tf

    if model.condition_dim is not None:
        from keras_tsvae.export.conditional import conditional_functions

        return conditional_functions(model)
    number = tf.TensorSpec((), tf.int32)
    pixels = tf.TensorSpec((None, *model.image_shape), tf.float32)
    latents = tf.TensorSpec((None, model.latent_dim), tf.float32)
    first, mixture = model.first_stage, model.mixture

    def decoded(to_latents):
        return lambda start, *noise: first.decode_batch(to_latents(*noise))

    def sample(n, seed=RANDOM_SEED):
        to_images = decoded(model.second_stage.generate_batch)
        return sample_blocks(model, n, seed, to_images, parts=2)

    def sample_stage1(n, seed=RANDOM_SEED):
        return sample_blocks(model, n, seed, decoded(lambda z: z), parts=1)

    def sample_mixture(n, seed=RANDOM_SEED):
        return sample_blocks(model, n, seed, decoded(mixture), parts=2)

    def decode(z):
        return first.decode_batch(z)

    def encode(images):
        return first.encode_batch(images)

    def reconstruct(images):
        return first.decode_batch(first.encode_batch(images)[0])

    samplers = [sample, sample_stage1, *([sample_mixture] if mixture else [])]
    return [
        *((sampler, ["images"], {"n": number, "seed": number}) for sampler in samplers),
        (decode, ["images"], {"z": latents}),
        (encode, ["mean", "std"], {"images": pixels}),
        (reconstruct, ["images"], {"images": pixels}),
    ]


def _sampler(model, functions):
    """Returns a `tf.Module` of the model's inference functions, and their signatures."""
    import tensorflow as tf

    module, signatures = tf.Module(), {}
    module.tracked = [v.value for v in model.weights]
    for function, outputs, arguments in functions:
        name = function.__name__
        public = of_all_types(function, arguments)
        signatures[name] = _named(public, outputs).get_concrete_function(**arguments)
        setattr(module, name, public)
    signatures["serving_default"] = signatures["sample"]
    return module, signatures


def _named(function, outputs):
    """Returns `function` with its results in a dict, as signatures want them."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def signature(**arguments):
        return dict(zip(outputs, tf.nest.flatten(function(**arguments))))

    return signature
