import pytest

from tests.data import faces


@pytest.fixture
def celeba_dir(tmp_path):
    """Six pictures in CelebA's layout."""
    return faces.write(tmp_path / "celeba")
