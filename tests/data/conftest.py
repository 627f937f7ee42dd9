import pytest

from keras_tsvae.data import pictures
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


@pytest.fixture
def decodings(monkeypatch):
    """Counts the pictures that are decoded."""
    counted, decode = [], pictures.decode

    def counting(data, name, *rest):
        counted.append(name)
        return decode(data, name, *rest)

    monkeypatch.setattr(pictures, "decode", counting)
    return counted


@pytest.fixture
def only_cache(caches):
    """Returns the one cache there is, and checks that nothing else is there."""

    def only():
        (path,) = caches.iterdir()
        assert not path.name.startswith(".")
        return path

    return only
