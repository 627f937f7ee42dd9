"""Folders of models that an earlier version wrote give what they gave, on either backend."""

import pathlib

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests.golden.folder import FOLDER, OUTPUTS, outputs

FOLDERS = sorted(path.parent for path in pathlib.Path(__file__).parent.glob(f"golden/*/{OUTPUTS}"))


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folders_of_earlier_versions(folder):
    expected = np.load(folder / OUTPUTS)
    for read in (tsvae.TwoStageVAE.from_preset, tsvae.load_model, keras.saving.load_model):
        model = read(folder / FOLDER)
        assert type(model) is tsvae.TwoStageVAE and not model.compiled
    found = outputs(model)
    assert found.keys() == {*expected}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=1e-5, err_msg=name)
