"""Rounds of expectation maximisation on latent vectors: ours beside scikit-learn's.

Both make the same number of rounds from the same draws of z, in turn, in one process and on the
same threads; scikit-learn starts by k-means, ours by k-means++. The mean log density of the
vectors afterwards stands beside the time.
"""

import warnings

import compare
import keras
import numpy as np
import sklearn
from sklearn import mixture

import keras_tsvae as tsvae
from keras_tsvae.latents.expectation_maximisation import ExpectationMaximisation


def latents(n, dimensions, clusters=80, seed=0):
    """Correlated clusters that overlap, of deviation 1 in all."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(clusters, size=n)
    mixing = rng.normal(size=(clusters, dimensions, dimensions)) / dimensions**0.5
    centers = rng.normal(size=(clusters, dimensions))
    z = np.empty((n, dimensions), "float32")
    for cluster in range(clusters):
        rows = labels == cluster
        noise = rng.normal(size=(rows.sum(), dimensions))
        z[rows] = centers[cluster] + noise @ mixing[cluster]
    return z / z.std()


def main():
    parser = compare.parser(__doc__)
    parser.add_argument("--vectors", type=int, default=60_000)
    parser.add_argument("--latent-dim", type=int, default=64)
    parser.add_argument("--components", type=int, default=50)
    parser.add_argument("--em-rounds", type=int, default=10)
    args = parser.parse_args()
    z = latents(args.vectors, args.latent_dim)
    std = np.zeros_like(z)
    density = {}

    def ours():
        rng = np.random.default_rng(0)
        rounds = ExpectationMaximisation(z, std, args.components, rng, shrinkage=0.0)
        for _ in range(args.em_rounds):
            rounds.round()
        density["keras_tsvae"] = rounds.bound(z, std)

    def theirs():
        fitted = mixture.GaussianMixture(
            args.components, max_iter=args.em_rounds, tol=0.0, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            density["scikit-learn"] = float(fitted.fit(z).score(z))

    ways = {"keras_tsvae": ours, "scikit-learn": theirs}
    seconds = compare.in_turn(ways, args.rounds)
    compare.show("Gaussian mixture", 1, "fits", seconds)
    print("mean log density, nats:", density)
    facts = {"vectors": args.vectors, "components": args.components, "nats": density}
    compare.save(args.output, (keras, tsvae, np, sklearn), 1, "fits", seconds, **facts)


if __name__ == "__main__":
    main()
