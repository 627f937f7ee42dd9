"""The same figures as torch-fidelity's, where that is installed: `pip install torch-fidelity`."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from keras_tsvae import metrics
from tests.metrics import toy

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
    **kid_features_to_metric(fake, real, kid_subsets=10, rng_seed=2020, verbose=False),
    **prc_features_to_metric(fake, real, verbose=False),
    **isc_features_to_metric(fake, rng_seed=2020),
}))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed"
)
def test_figures_of_the_same_features_agree(tmp_path):
    fake, real = toy.rows(2100).astype("f"), (1.1 * toy.rows(2200, seed=1)).astype("f")
    np.savez(tmp_path / "features.npz", fake=fake, real=real)
    command = [sys.executable, "-c", THEIRS, tmp_path / "features.npz"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = json.loads(output.splitlines()[-1])

    reference = metrics.ReferenceStatistics()
    reference.update_features(real)
    fid = metrics.FrechetInceptionDistance(reference)
    kid = metrics.KernelInceptionDistance(reference, subsets=10)
    precision_recall = metrics.PrecisionRecall(reference)
    for metric in (fid, kid, precision_recall):
        metric.update_features(fake)
    score = metrics.InceptionScore()
    score.update_logits(fake)
    got = {
        "frechet_inception_distance": fid.result(),
        "kernel_inception_distance_mean": kid.result(),
        "kernel_inception_distance_std": kid.result().std,
        "inception_score_mean": score.result(),
        "inception_score_std": score.result().std,
        **dict(zip(("precision", "recall"), precision_recall.result())),
    }
    for name, value in got.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, err_msg=name)
