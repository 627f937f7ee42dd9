"""What each backend does better than `keras.ops` alone, behind one set of names."""

import keras

_NAME = keras.backend.backend()

if _NAME == "tensorflow":
    from keras_tsvae.backend.tensorflow import (
        Inference,
        apply_adam,
        compile_function,
        gather,
        global_normal,
        local_replicas,
        normalize_batch,
        process_index,
        resolve_jit,
        standard_normal,
    )
elif _NAME == "jax":
    from keras_tsvae.backend.jax import (
        apply_adam,
        gather,
        global_normal,
        local_replicas,
        normalize_batch,
        process_index,
        resolve_jit,
        standard_normal,
    )
    from keras_tsvae.backend.jax_inference import Inference, compile_function
else:
    raise ImportError(
        "keras_tsvae runs on Keras's TensorFlow and JAX backends. Set the environment variable "
        f"KERAS_BACKEND to 'tensorflow' or 'jax'. Received: backend={_NAME!r}"
    )

__all__ = [
    "Inference",
    "apply_adam",
    "compile_function",
    "gather",
    "global_normal",
    "local_replicas",
    "normalize_batch",
    "process_index",
    "resolve_jit",
    "standard_normal",
]
