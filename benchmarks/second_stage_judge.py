"""Measures second stages on the latent vectors of one first stage, and says where they fall short.

FID, KID, precision, recall and replay are of samples in the features of a classifier; nats are the
log density of the test images' latent vectors. `Judge.diagnosis` has two further views of what each
second stage has drawn: how far it is from the test images in each direction of q(z), and which
classes or attributes the classifier sees more or less often than in the test images.
"""

import time

import numpy as np

import keras_tsvae as tsvae
from keras_tsvae import metrics
from keras_tsvae.evaluation.generation import measure_all
from keras_tsvae.latents import draw
from keras_tsvae.latents.statistics import moments
from keras_tsvae.metrics.judging import verdicts

MOST_IMAGES = 60_000
SHOWN = 32
BINS = 50
BEST, NORMAL, TEST = "z of training images", "N(0, I), stage 1", "test images"


class Judge:
    """Measures second stages on the latent vectors of one first stage.

    Args:
        first: A trained `FirstStageVAE`.
        data: The `ImageData` that it was trained on.
        features: A `ClassifierFeatures` of its classes or attributes.
        samples: How many samples of each second stage are measured.
    """

    def __init__(self, first, data, features, samples):
        self.first, self.samples, self.names = first, samples, data.label_names
        self.pictures, self.lost, self.shares = {}, {}, {}
        images = data.train.images[:MOST_IMAGES]
        self.train, self.test = first.posteriors(images), first.posteriors(data.test.images)
        self._find_directions()
        self.fid = metrics.FrechetInceptionDistance(data.test.images, features)
        real = np.concatenate(
            [self.fid.features_of(images[i : i + 1000]) for i in range(0, len(images), 1000)]
        )
        held_out = self.fid.reference.sample.features
        self.replay = metrics.Replay(real, held_out)
        self.shares[TEST] = self._shares(held_out)

    def baselines(self):
        """Returns figures of the rows that no second stage makes."""
        rng, d = np.random.default_rng(0), self.first.latent_dim
        rows = rng.permutation(len(self.train))[: self.samples]
        noise = rng.normal(size=(2, self.samples, d)).astype("float32")
        best = self.train.mean[rows] + self.train.std[rows] * noise[0][: len(rows)]
        nats = metrics.held_out_log_prob(tsvae.SecondStageMixture(d, 1), self.test, self.train)
        return [
            {"name": BEST, **self._measured(BEST, best)},
            {
                "name": NORMAL,
                **self._measured(NORMAL, noise[1]),
                "nats": nats["log_prob_normal"],
            },
            {"name": "one Gaussian", "nats": nats["log_prob_gaussian"]},
        ]

    def __call__(self, name, second):
        """Returns the figures of a fitted second stage; keeps what it has drawn."""
        z, start = second.sample(self.samples, seed=1), time.perf_counter()
        second.sample(self.samples, seed=1)  # again: compiled
        draws = self.samples / (time.perf_counter() - start)
        nats = metrics.held_out_log_prob(second, self.test, self.train)
        return {
            **self._measured(name, z),
            "nats": nats.get("log_prob", nats.get("log_prob_bound")),
            "draws_per_second": draws,
            "parameters": second.count_params(),
        }

    def diagnosis(self):
        """Returns what the latest samples of each name lack, as a dict.

        `variance` is that of z of the training images along each eigenvector of its covariance, in
        descending order, and `told` the part of it that their images tell, which lies in the means
        of the posteriors. `lost` are nats of each name along each of them: the divergence of
        the test images' z from the samples, `sum_b p_b log(p_b / s_b)` over bins that are equally
        probable to z of the training images. What a second stage loses beyond their sum lies in how
        directions depend on one another. `shares` are those of images that show each class or
        attribute, as the classifier sees them.
        """
        return {
            "variance": _short(self.variance),
            "told": _short(self.told),
            "lost": {name: _short(nats) for name, nats in self.lost.items()},
            "names": list(self.names),
            "shares": {name: _short(shares) for name, shares in self.shares.items()},
        }

    def _find_directions(self):
        """Finds the eigenvectors of the covariance of z, and bins along them."""
        self.center, covariance = moments(self.train)
        variance, directions = np.linalg.eigh(covariance)
        self.variance, self.directions = variance[::-1], directions[:, ::-1]
        told = np.var((self.train.mean - self.center) @ self.directions, axis=0)
        self.told = told / self.variance
        own = (draw(self.train, 0) - self.center) @ self.directions
        self.edges = np.quantile(own, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
        self.held_out = self._binned(draw(self.test, 1))

    def _binned(self, z):
        """Returns the share of z in each bin of each direction `(d, bins)`, none of them 0."""
        bins, coordinates = np.arange(BINS), (z - self.center) @ self.directions
        counts = [
            (np.searchsorted(edges, column)[:, None] == bins).sum(0)
            for edges, column in zip(self.edges.T, coordinates.T)
        ]
        return (np.array(counts) + 0.5) / (len(z) + 0.5 * BINS)

    def _measured(self, name, z):
        """Returns the figures of images of z, as floats; keeps images, and what they lack."""
        images = self.first.decode(z)
        features = self.fid.features_of(images)
        self.pictures[name], self.shares[name] = images[:SHOWN], self._shares(features)
        self.lost[name] = (self.held_out * np.log(self.held_out / self._binned(z))).sum(1)
        self.fid.reset()
        scores = measure_all(self.fid, [features], None, self.replay)
        return {name: float(score) for name, score in scores.items()}

    def _shares(self, features):
        """Returns the share of images that show each class or attribute."""
        seen = verdicts(self.fid.extractor, features)
        if self.fid.extractor.has_classes:
            seen = seen[:, None] == np.arange(self.fid.extractor.model.num_outputs)
        return seen.mean(0)


def print_diagnosis(diagnosis, worst=5):
    """Prints where each second stage loses more than training images' z do, and shows otherwise."""
    variance, test = diagnosis["variance"], np.array(diagnosis["shares"][TEST])
    for name in diagnosis["lost"]:
        lost = np.subtract(diagnosis["lost"][name], diagnosis["lost"][BEST])
        order = np.argsort(lost)[::-1][:worst]
        nats = ", ".join(f"{lost[i]:.3f} (#{i}, variance {variance[i]:.3g})" for i in order)
        print(f"{name}: {sum(lost):.2f} nats lost in single directions, most in: {nats}")
        excess = np.array(diagnosis["shares"][name]) - test
        order = np.argsort(-np.abs(excess))[:worst]
        seen = ", ".join(f"{diagnosis['names'][i]} {excess[i]:+.3f}" for i in order)
        print(
            f"  shares against those of test images, mean |.| {np.abs(excess).mean():.4f}: {seen}"
        )


def _short(values):
    return [float(f"{value:.4g}") for value in values]
