"""pythae's VAE with the twin's networks, and its sampler with a second VAE of the same size."""

import contextlib
import io
import logging
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.samplers import TwoStageVAESampler, TwoStageVAESamplerConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch_twin import FirstStage

LATENT_DIM = 64
logging.disable(logging.INFO)  # of its trainer


class Encoder(BaseEncoder):
    def __init__(self, twin):
        super().__init__()
        self.twin = twin

    def forward(self, x):
        mean, log_std = self.twin.encode(x)
        return ModelOutput(embedding=mean, log_covariance=2 * log_std)


class Decoder(BaseDecoder):
    def __init__(self, twin):
        super().__init__()
        self.twin = twin

    def forward(self, z):
        return ModelOutput(reconstruction=self.twin.decode(z))


def first_stage():
    """Returns a VAE with the residual networks of the CIFAR-10 configuration."""
    config = VAEConfig(input_dim=(3, 32, 32), latent_dim=LATENT_DIM)
    twin = FirstStage().to(memory_format=torch.channels_last)
    return VAE(config, Encoder(twin), Decoder(twin))


def sampler(first):
    """Returns a sampler whose second VAE has the size of a second stage; it counts as fitted."""
    config = TwoStageVAESamplerConfig(second_stage_depth=3, second_layers_dim=1024)
    result = TwoStageVAESampler(first, config)
    result.is_fitted = True
    return result


def train(model, data, batch_size):
    """Trains one epoch with pythae's own trainer, which also saves the model at the end."""
    dataset = BaseDataset(torch.from_numpy(data), torch.zeros(len(data)))
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, quiet[0], quiet[1]:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1,
            per_device_train_batch_size=batch_size,
            learning_rate=1e-4,
            no_cuda=True,
        )
        BaseTrainer(model, dataset, training_config=config).train()
