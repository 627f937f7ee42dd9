"""Second-stage training: keras_tsvae against a plain PyTorch twin and pythae.

All train the same network, dense, 3 layers of 1024, latent_dim 64, on the same latent vectors with
Adam 1e-4 and batches of 64, in turn, in one process and on the same threads. pythae's has neither
the skip connection nor gamma, and is trained by its own trainer, on the vectors themselves instead
of fresh draws from posteriors. Needs `pip install -e ".[benchmarks]"`.
"""

import compare
import keras
import numpy as np
import pythae_twin
import tensorflow as tf
import torch
from torch_twin import SecondStage

import keras_tsvae as tsvae

LATENT_DIM, BATCH_SIZE = 64, 64


def ours(mean, std):
    """Returns a function that trains one epoch."""
    stage = tsvae.SecondStageVAE(LATENT_DIM)
    stage.compile()
    posteriors = tsvae.Posteriors(mean, std)
    return lambda: stage.fit(posteriors, batch_size=BATCH_SIZE, verbose=0)


def twin(mean, std):
    """Returns a function that trains one epoch."""
    model = SecondStage()
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    mean, std = torch.from_numpy(mean), torch.from_numpy(std)

    def epoch():
        for rows in torch.randperm(len(mean)).split(BATCH_SIZE):
            z = mean[rows] + std[rows] * torch.randn(len(rows), LATENT_DIM)
            loss = model(z)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def main():
    parser = compare.threaded_parser(__doc__)
    parser.add_argument("--vectors", type=int, default=12_800, help="per epoch")
    args = parser.parse_args()
    compare.set_threads(args.threads)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    n = args.vectors // BATCH_SIZE * BATCH_SIZE
    mean = rng.normal(size=(n, LATENT_DIM)).astype("float32")
    std = np.full_like(mean, 0.1)
    second = pythae_twin.sampler(pythae_twin.first_stage()).second_vae
    ways = {
        "keras_tsvae": ours(mean, std),
        "PyTorch twin": twin(mean, std),
        "pythae": lambda: pythae_twin.train(second, mean, BATCH_SIZE),
    }
    seconds = compare.in_turn(ways, args.rounds)
    compare.show("second-stage training", n, "vectors", seconds)
    modules = (tf, keras, torch)
    compare.save(args.output, modules, n, "vectors", seconds, threads=args.threads)


if __name__ == "__main__":
    main()
