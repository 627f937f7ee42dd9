"""The same figures as torch-fidelity's four formulas, and as its code's where it is installed."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from keras_tsvae import metrics
from tests.metrics import formulas, toy

# More of either than a subset holds, no multiple of ten, and unlike: 10 % wider.
FAKE, REAL = toy.rows(1103).astype("f"), (1.1 * toy.rows(1219, seed=1)).astype("f")

# In a process of its own, since PyTorch and TensorFlow do not always bear with each other.
THEIRS = """
import json, sys
import numpy as np, torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

fake, real = (torch.from_numpy(features) for features in np.load(sys.argv[1]).values())
statistics = fid_features_to_statistics(fake), fid_features_to_statistics(real)
print(json.dumps({
    **fid_statistics_to_metric(*statistics, False),
    **kid_features_to_metric(fake, real, kid_subsets=int(sys.argv[2]), verbose=False),
    **prc_features_to_metric(real, fake, verbose=False),  # the real ones first, here alone
    **isc_features_to_metric(fake, rng_seed=2020),
}))
"""


SUBSETS = 9  # of the kernel distance, 100 by default, which would take long


def ours():
    """All figures, with the settings that are the defaults but for the number of subsets."""
    reference = metrics.ReferenceStatistics()
    reference.update_features(REAL)
    made = [
        metrics.FrechetInceptionDistance(reference),
        metrics.KernelInceptionDistance(reference, subsets=SUBSETS),
        metrics.PrecisionRecall(reference),
    ]
    score = metrics.InceptionScore()
    for start in range(0, len(FAKE), 100):
        for metric in made:
            metric.update_features(FAKE[start : start + 100])
        score.update_logits(FAKE[start : start + 100])
    fid, kid, precision_recall = (metric.result() for metric in made)
    score = score.result()
    return {
        "frechet_inception_distance": fid,
        "kernel_inception_distance_mean": kid,
        "kernel_inception_distance_std": kid.std,
        "inception_score_mean": score,
        "inception_score_std": score.std,
        **dict(zip(("precision", "recall"), precision_recall)),
    }


@pytest.mark.filterwarnings("ignore:FID of")
def test_figures_are_those_of_the_formulas():
    kid, score = formulas.kernel(FAKE, REAL, SUBSETS), formulas.inception_score(FAKE)
    precision_recall = formulas.precision_recall(FAKE, REAL)
    assert 0.5 < precision_recall[1] < precision_recall[0] < 1
    expected = {
        "frechet_inception_distance": formulas.frechet(FAKE, REAL),
        **dict(zip(("kernel_inception_distance_mean", "kernel_inception_distance_std"), kid)),
        **dict(zip(("inception_score_mean", "inception_score_std"), score)),
        **dict(zip(("precision", "recall"), precision_recall)),
    }
    got = ours()
    assert metrics.KernelInceptionDistance(metrics.ReferenceStatistics()).subsets == 100
    assert got.keys() == expected.keys()
    for name, value in got.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-8, err_msg=name)


@pytest.mark.filterwarnings("ignore:FID of")
@pytest.mark.skipif(
    importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed"
)
def test_figures_are_those_of_the_package(tmp_path):
    np.savez(tmp_path / "features.npz", fake=FAKE, real=REAL)
    command = [sys.executable, "-c", THEIRS, tmp_path / "features.npz", str(SUBSETS)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = json.loads(output.splitlines()[-1])
    for name, value in ours().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, err_msg=name)
