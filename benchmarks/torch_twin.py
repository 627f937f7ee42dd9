"""Both stages in plain PyTorch, layer for layer."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def loss(x, reconstruction, mean, log_std, log_gamma):
    """KL divergence and Gaussian likelihood of a batch, summed over dimensions."""
    kl = 0.5 * (mean**2 + (2 * log_std).exp() - 2 * log_std - 1).sum(1)
    error = ((x - reconstruction) ** 2).flatten(1).sum(1)
    constant = x[0].numel() * (log_gamma + 0.5 * math.log(2 * math.pi))
    return (kl + 0.5 * error * (-2 * log_gamma).exp() + constant).mean()


class ResBlock(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.norm_0 = nn.BatchNorm2d(inputs, eps=1e-5, momentum=1e-3)
        self.conv_0 = nn.Conv2d(inputs, width, 3, padding=1)
        self.norm_1 = nn.BatchNorm2d(width, eps=1e-5, momentum=1e-3)
        self.conv_1 = nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, width, 3, padding=1)

    def forward(self, x):
        y = self.conv_0(F.relu(self.norm_0(x)))
        return self.conv_1(F.relu(self.norm_1(y))) + self.shortcut(x)


class DenseResBlock(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.dense_0 = nn.Linear(inputs, width)
        self.dense_1 = nn.Linear(width, width)
        self.shortcut = nn.Linear(inputs, width)

    def forward(self, x):
        return self.dense_1(F.relu(self.dense_0(F.relu(x)))) + self.shortcut(x)


class FirstStage(nn.Module):
    """32x32x3, base_dim 16, num_scale 3, latent_dim 64; give it channels_last."""

    def __init__(self, base_dim=16, latent_dim=64, fc_dim=512):
        super().__init__()
        d = base_dim
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, d, 3, padding=1),
            ResBlock(d, d),
            nn.Conv2d(d, 2 * d, 3, 2, 1),
            ResBlock(2 * d, 2 * d),
            nn.Conv2d(2 * d, 4 * d, 3, 2, 1),
            ResBlock(4 * d, 4 * d),
        )
        self.dense = DenseResBlock(4 * d, fc_dim)
        self.mean = nn.Linear(fc_dim, latent_dim)
        self.log_std = nn.Linear(fc_dim, latent_dim)
        dims = [16 * d, 8 * d, 4 * d, 2 * d, d]
        self.grid = nn.Linear(latent_dim, 4 * dims[0])
        ups = [
            layer
            for wide, narrow in zip(dims, dims[1:])
            for layer in (nn.ConvTranspose2d(wide, narrow, 3, 2, 1, 1), ResBlock(narrow, narrow))
        ]
        self.decoder = nn.Sequential(*ups, nn.Conv2d(d, 3, 3, padding=1))
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def encode(self, x):
        """Returns mean and log deviation of the posterior."""
        features = self.dense(self.convolutions(x).mean((2, 3)))
        return self.mean(features), self.log_std(features)

    def decode(self, z):
        """Returns images."""
        grid = self.grid(z).view(len(z), -1, 2, 2).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.decoder(grid))

    def forward(self, x):
        """Returns the loss of a batch."""
        mean, log_std = self.encode(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        return loss(x, self.decode(z), mean, log_std, self.log_gamma)


class SecondStage(nn.Module):
    """Three dense layers of 1024 each way, the input joined to the last, as `keras_tsvae` does."""

    def __init__(self, latent_dim=64, width=1024):
        super().__init__()
        self.encoder, self.decoder = (
            nn.Sequential(
                nn.Linear(latent_dim, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
            )
            for _ in range(2)
        )
        self.mean = nn.Linear(width + latent_dim, latent_dim)
        self.log_std = nn.Linear(width + latent_dim, latent_dim)
        self.z = nn.Linear(width + latent_dim, latent_dim)
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def decode(self, u):
        """Returns the mean of z."""
        return self.z(torch.cat([self.decoder(u), u], 1))

    def forward(self, z):
        """Returns the loss of a batch."""
        features = torch.cat([self.encoder(z), z], 1)
        mean, log_std = self.mean(features), self.log_std(features)
        u = mean + log_std.exp() * torch.randn_like(mean)
        return loss(z, self.decode(u), mean, log_std, self.log_gamma)
