"""What of NumPy's arrays the backends cannot take, or would take for something else."""

import numpy as np

_LARGEST = np.finfo("float32").max


def native(array: np.ndarray) -> np.ndarray:
    """Returns an array in the machine's order of bytes; the same one if it is."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def finite_in_float32(array: np.ndarray) -> bool:
    """Whether all numbers are finite, and stay so in float32."""
    return bool((abs(array) <= _LARGEST).all())
