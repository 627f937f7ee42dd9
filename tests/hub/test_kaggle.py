"""Models of Kaggle's hub, which a module of its own downloads."""

import sys

import numpy as np
import pytest

import keras_tsvae as tsvae


def test_kaggle(fitted, tmp_path, monkeypatch):
    asked = []

    def model_download(handle):
        asked.append(handle)
        if handle.endswith("/9"):
            raise RuntimeError("404: not found")
        return str(tmp_path / "model")

    fitted.save_to_preset(tmp_path / "model")
    module = type(sys)("kagglehub")
    module.model_download = model_download
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    loaded = tsvae.TwoStageVAE.from_preset("kaggle://user/squares/keras/small")
    np.testing.assert_array_equal(loaded.sample(2, seed=0), fitted.sample(2, seed=0))
    tsvae.load_model("kaggle://user/squares/keras/small/2")
    assert asked == ["user/squares/keras/small", "user/squares/keras/small/2"]
    with pytest.raises(ConnectionError, match="keras/small/9' cannot be downloaded: 404"):
        tsvae.TwoStageVAE.from_preset("kaggle://user/squares/keras/small/9")
    for address in (
        "kaggle://user/squares",
        "hf://user",
        "hf://user/../x",
        "hf://a/b@",
        "hf://a/b@../c",
        "hf://",
    ):
        with pytest.raises(ValueError, match="An address must be 'hf://user/model' or .*Received"):
            tsvae.TwoStageVAE.from_preset(address)
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ImportError, match="needs `pip install kagglehub`"):
        tsvae.load_model("kaggle://user/squares/keras/small")
