"""What tells the weights of models apart."""

import hashlib

import keras
import numpy as np


def weights_digest(model: keras.Model) -> str:
    """Returns 12 hex digits that depend on a model's weights."""
    digest = hashlib.sha256()
    for variable in model.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()[:12]
