import pytest

from tests.data import faces


@pytest.fixture(autouse=True)
def caches(own_cache_folder, monkeypatch, tmp_path_factory):
    """The folder of decoded pictures, of this test alone."""
    home = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home / "keras_tsvae" / "pictures"


@pytest.fixture
def celeba_dir(tmp_path):
    """Six pictures in CelebA's layout."""
    return faces.write(tmp_path / "celeba")
