"""The Fréchet distance on 2048 features: ours against the usual way through a matrix root.

Both take the distance of the same two covariances in turn, in one process and on the same
threads. Then peak memory of streaming 5,000 and 50,000 rows of features into their statistics.
"""

import tracemalloc

import compare
import numpy as np
import scipy
from scipy.linalg import sqrtm

from keras_tsvae.metrics import FeatureStatistics, frechet_distance


def by_matrix_root(mean1, covariance1, mean2, covariance2):
    """As pytorch-fid computes it."""
    root = sqrtm(covariance1 @ covariance2)
    difference = mean1 - mean2
    traces = np.trace(covariance1) + np.trace(covariance2) - 2 * np.trace(root.real)
    return difference @ difference + traces


def feature_batches(rows, dimensions, seed):
    """Yields batches of features, not negative and correlated, as Inception's are."""
    mixing = np.random.default_rng(99).normal(size=(dimensions, dimensions)) / dimensions**0.5
    rng = np.random.default_rng(seed)
    for _ in range(rows // 500):
        yield (rng.normal(size=(500, dimensions)) @ mixing).clip(0).astype("float32")


def stream(rows, dimensions, seed=0):
    result = FeatureStatistics(dimensions)
    for batch in feature_batches(rows, dimensions, seed):
        result.update(batch)
    return result


def peak_memory(rows, dimensions):
    """Returns the most bytes allocated while rows are streamed, those of one batch included."""
    tracemalloc.start()
    stream(rows, dimensions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def main():
    parser = compare.parser(__doc__)
    parser.add_argument("--dimensions", type=int, default=2048)
    args = parser.parse_args()

    sets = [stream(5000, args.dimensions, seed) for seed in (0, 1)]
    moments = [part for s in sets for part in (s.mean, s.covariance)]
    distances = {"keras_tsvae": frechet_distance, "scipy sqrtm": by_matrix_root}
    values = {}

    def way(name):
        return lambda: values.update({name: float(distances[name](*moments))})

    seconds = compare.in_turn({name: way(name) for name in distances}, args.rounds)
    compare.show("Fréchet distance", 1, "distances", seconds)
    print("distances:", values)

    memory = {rows: peak_memory(rows, args.dimensions) for rows in (5_000, 50_000)}
    for rows, peak in memory.items():
        print(f"streaming {rows:,} rows: {peak / 2**20:.0f} MiB at the most")
    facts = {"dimensions": args.dimensions, "distance": values, "peak_bytes": memory}
    compare.save(args.output, (np, scipy), 1, "distances", seconds, **facts)


if __name__ == "__main__":
    main()
