"""pythae's samplers as second stages, trained by pythae on the posteriors of our first stage.

Each has the sizes that are pythae's defaults, 10 Gaussians or flows of two blocks, but for the
second VAE, which is as wide and deep as ours. Its trainer draws z once and for all. It is given one
epoch, and then as many as fit into the time; scikit-learn's mixture takes what it takes.
"""

import contextlib
import io
import logging
import tempfile
import time

import numpy as np
import torch
from pythae import samplers
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainerConfig

WIDE = {"second_stage_depth": 3, "second_layers_dim": 1024}
SAMPLERS = {
    "pythae, mixture": (samplers.GaussianMixtureSampler, samplers.GaussianMixtureSamplerConfig()),
    "pythae, MAF": (samplers.MAFSampler, samplers.MAFSamplerConfig()),
    "pythae, IAF": (samplers.IAFSampler, samplers.IAFSamplerConfig()),
    "pythae, two-stage": (samplers.TwoStageVAESampler, samplers.TwoStageVAESamplerConfig(**WIDE)),
}
LEARNING_RATE, BATCH_SIZE = 1e-3, 256
logging.disable(logging.INFO)  # of its trainer


class NoEncoder(BaseEncoder):
    """Stands where a VAE must have an encoder; posteriors come as they are."""


class NoDecoder(BaseDecoder):
    """Leaves z as it is, so that samples are those of z."""

    def forward(self, z):
        return ModelOutput(reconstruction=z)


class Encoded(VAE):
    """A VAE of known posteriors: its data are their row numbers, and what it draws is z."""

    def __init__(self, posteriors):
        d = posteriors.latent_dim
        super().__init__(VAEConfig(input_dim=(1,), latent_dim=d), NoEncoder(), NoDecoder())
        self.register_buffer("mean", torch.from_numpy(np.array(posteriors.mean)))
        self.register_buffer("std", torch.from_numpy(np.array(posteriors.std)))

    def forward(self, inputs, **kwargs):
        rows = inputs["data"][:, 0].long()
        return ModelOutput(z=self.mean[rows] + self.std[rows] * torch.randn_like(self.mean[rows]))


class Fitted:
    """What a fitted sampler has in common with a second stage."""

    def __init__(self, sampler):
        self.sampler = sampler
        names = ("gmm", "maf_model", "iaf_model", "second_vae")
        (self.density,) = (getattr(sampler, name) for name in names if hasattr(sampler, name))

    def sample(self, n, seed):
        """Returns n draws of z."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # of scikit-learn
        with torch.no_grad():
            return self.sampler.sample(n).cpu().numpy()

    def log_prob(self, z):
        """Returns log p(z) in nats; raises for the second VAE, which has none."""
        if not isinstance(self.density, torch.nn.Module):
            return self.density.score_samples(z)
        if isinstance(self.density, VAE):
            raise NotImplementedError
        with torch.no_grad():
            z = torch.from_numpy(z).float().to(self.sampler.device)
            flowed = self.density(z)
            nats = self.sampler.prior.log_prob(flowed.out) + flowed.log_abs_det_jac
        return nats.cpu().numpy()

    def count_params(self):
        """Returns the number of parameters."""
        if isinstance(self.density, torch.nn.Module):
            return sum(parameter.numel() for parameter in self.density.parameters())
        k, d = self.density.means_.shape
        return k * (1 + d + d * (d + 1) // 2)


def train(name, posteriors, seconds, seed):
    """Returns a sampler that is trained for some seconds, and how many it took."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    make, config = SAMPLERS[name]
    sampler = make(Encoded(posteriors), config)
    start = time.perf_counter()
    _fit(sampler, len(posteriors), 1, seed)
    taken = time.perf_counter() - start
    if not hasattr(sampler, "gmm") and seconds > 2 * taken:
        _fit(sampler, len(posteriors), int(seconds / taken) - 1, seed)
    return Fitted(sampler), time.perf_counter() - start


def _fit(sampler, n, epochs, seed):
    """Fits a sampler, quietly."""
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, quiet[0], quiet[1]:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            seed=seed,
        )
        sampler.fit(np.arange(n, dtype="float32")[:, None], training_config=config)
