"""Features that need no network, and images to take them of."""

import numpy as np

from keras_tsvae.metrics import ReferenceStatistics

DIMENSIONS = 16
_KERNEL = np.random.default_rng(7).normal(size=(8 * 8 * 3, DIMENSIONS)) / 255


def features(images):
    """Linear features of 8x8 colour images with values in [0, 255]."""
    return np.asarray(images, "float64").reshape(len(images), -1) @ _KERNEL


def images(n, seed=0, high=256):
    """Uint8 noise."""
    return np.random.default_rng(seed).integers(0, high, (n, 8, 8, 3)).astype("uint8")


def rows(n, d=DIMENSIONS, seed=0, shift=0.0):
    """Correlated, not quite Gaussian features."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(d)
    return (rng.normal(size=(n, d)) @ mixing).clip(-1) + shift


def reference_of(features):
    """Statistics of features, from several batches."""
    reference = ReferenceStatistics()
    for start in range(0, len(features), 64):
        reference.update_features(features[start : start + 64])
    return reference


def result_of(metric, features):
    """The figure of features, from several batches."""
    for start in range(0, len(features), 50):
        metric.update_features(features[start : start + 50])
    return metric.result()
