"""Fréchet and kernel distance, Inception score, precision and recall, as torch-fidelity has them.

Written from the published definitions, in NumPy and float64, with torch-fidelity's settings and
its order of random draws; features are `(n, d)`, logits `(n, classes)`.
"""

import numpy as np


def frechet(fake, real):
    """|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)); Heusel et al. (2017), equation 6."""
    means = [features.mean(0, dtype="float64") for features in (fake, real)]
    covariances = [np.cov(features.astype("float64"), rowvar=False) for features in (fake, real)]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1])
    of_root = np.sqrt(eigenvalues.astype(complex)).real.sum()
    difference = means[0] - means[1]
    return difference @ difference + sum(map(np.trace, covariances)) - 2 * of_root


def kernel(fake, real, subsets=100, size=1000, seed=2020):
    """Mean and deviation over subsets of the unbiased MMD^2; Binkowski et al. (2018), section 3.

    The kernel is (a . b / d + 1)^3. Subsets are picked out of whole kernel matrices by rows of 0
    and 1.
    """
    d = fake.shape[1]

    def cubes(a, b):
        return (a.astype("float64") @ b.astype("float64").T / d + 1) ** 3

    within_fake, within_real, across = cubes(fake, fake), cubes(real, real), cubes(fake, real)
    for matrix in (within_fake, within_real):
        np.fill_diagonal(matrix, 0)
    rng = np.random.RandomState(seed)
    u, v = np.zeros((subsets, len(fake))), np.zeros((subsets, len(real)))
    for of_fake, of_real in zip(u, v):
        of_fake[rng.choice(len(fake), size, replace=False)] = 1
        of_real[rng.choice(len(real), size, replace=False)] = 1
    within = ((u @ within_fake * u).sum(1) + (v @ within_real * v).sum(1)) / (size * (size - 1))
    values = within - 2 * (u @ across * v).sum(1) / size**2
    return np.mean(values), np.std(values)


def inception_score(logits, splits=10, seed=2020):
    """Mean and deviation over parts of exp E KL(p(y|x) || p(y)); Salimans et al. (2016).

    In random order, part k of n images has those from floor(k n / splits) to the next such bound.
    """
    n = len(logits)
    odds = np.exp(logits.astype("float64"))[np.random.RandomState(seed).permutation(n)]
    p, values = odds / odds.sum(1, keepdims=True), []
    for k in range(splits):
        part = p[k * n // splits : (k + 1) * n // splits]
        values.append(np.exp(np.mean(np.sum(part * np.log(part / part.mean(0)), 1))))
    return np.mean(values), np.std(values)


def precision_recall(fake, real, neighbors=3):
    """Shares within the balls of the other set; Kynkäänniemi et al. (2019), equations 1 and 2.

    A ball reaches to its centre's k-th nearest neighbour, its edge included.
    """
    return _covered(fake, real, neighbors), _covered(real, fake, neighbors)


def _covered(points, members, neighbors):
    """Distances are roots of sums of squared differences: those of equal features are 0."""

    def distances(point):
        return np.sqrt(np.square(members.astype("float64") - point).sum(1))

    radii = np.array([np.sort(distances(member))[neighbors] for member in members])
    return np.mean([(distances(point) <= radii).any() for point in points])
