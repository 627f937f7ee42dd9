"""Reusable layers: residual blocks, scale blocks, sampling, modulation, batch normalisation."""

from keras_tsvae.layers.debiased_batch_normalization import DebiasedBatchNormalization
from keras_tsvae.layers.dense_res_block import DenseResBlock
from keras_tsvae.layers.dense_scale_block import DenseScaleBlock
from keras_tsvae.layers.gaussian_sampling import GaussianSampling
from keras_tsvae.layers.modulation import Modulation
from keras_tsvae.layers.res_block import ResBlock
from keras_tsvae.layers.scale_block import ScaleBlock
from keras_tsvae.layers.spectral_normalization import SpectralNormalization

__all__ = [
    "DebiasedBatchNormalization",
    "DenseResBlock",
    "DenseScaleBlock",
    "GaussianSampling",
    "Modulation",
    "ResBlock",
    "ScaleBlock",
    "SpectralNormalization",
]
