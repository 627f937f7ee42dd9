"""Encoders and decoders: image to latent and back, latent to latent and back.

Every encoder maps a batch to a pair `(mean, log_std)`, each of shape `(batch, latent_dim)`;
every decoder maps `(batch, latent_dim)` to the reconstruction itself. Decoders of images also
have `logits(z)`, the images before the sigmoid.
"""

from keras_tsvae.networks.infogan_decoder import InfoGANDecoder
from keras_tsvae.networks.infogan_encoder import InfoGANEncoder
from keras_tsvae.networks.mlp_decoder import MLPDecoder
from keras_tsvae.networks.mlp_encoder import MLPEncoder
from keras_tsvae.networks.mlp_velocity import MLPVelocity
from keras_tsvae.networks.resnet_decoder import ResNetDecoder
from keras_tsvae.networks.resnet_encoder import ResNetEncoder
from keras_tsvae.networks.wae_decoder import WAEDecoder
from keras_tsvae.networks.wae_encoder import WAEEncoder

__all__ = [
    "InfoGANDecoder",
    "InfoGANEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "MLPVelocity",
    "ResNetDecoder",
    "ResNetEncoder",
    "WAEDecoder",
    "WAEEncoder",
]
