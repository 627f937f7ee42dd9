"""Encoders and decoders: image to latent and back, latent to latent and back.

Every encoder maps a batch to a pair `(mean, log_std)`, each of shape `(batch, latent_dim)`;
every decoder maps `(batch, latent_dim)` to the reconstruction itself.
"""

from keras_tsvae.networks.mlp_decoder import MLPDecoder
from keras_tsvae.networks.mlp_encoder import MLPEncoder
from keras_tsvae.networks.resnet_decoder import ResNetDecoder
from keras_tsvae.networks.resnet_encoder import ResNetEncoder

__all__ = ["MLPDecoder", "MLPEncoder", "ResNetDecoder", "ResNetEncoder"]
