"""Tables of attributes beside one's own pictures."""

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import data
from keras_tsvae.data.attribute_table import attributes_of, table_beside

pytestmark = pytest.mark.backend_free

ROWS = {"a/1.png": (1, 0), "a/2.png": (0, 0), "b/3.png": (0, 1), "4.png": (1, 1)}


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(ROWS):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 10 * number, "uint8")).save(path)
    lines = ["file,Round,Red", *(f"{name},{a},{b}" for name, (a, b) in ROWS.items())]
    (tmp_path / "attributes.csv").write_text("\n".join([*lines, "gone.png,1,1"]))
    return tmp_path


def load(folder, **options):
    sizes = {"image_size": 8, "channels": 1, "validation_fraction": 0, "test_fraction": 0.25}
    table = table_beside(folder)
    return data.load("image_folder", folder, attributes=table, verbose=0, **sizes, **options)


def test_pictures_come_with_their_attributes(folder):
    loaded = load(folder)
    assert loaded.label_names == ("Round", "Red")
    for split in (loaded.train, loaded.test):
        for image, row in zip(split.images, split.labels, strict=True):
            expected = list(ROWS.values())[int(image[0, 0, 0]) // 10]
            assert row.tolist() == [2 * value - 1 for value in expected]
    assert loaded.train.labels.dtype == "int8"


def test_a_changed_table_is_read_anew(folder):
    load(folder)
    table = folder / "attributes.csv"
    table.write_text(table.read_text().replace("Round", "Square"))
    assert load(folder).label_names == ("Square", "Red")
    table.unlink()
    (folder / "list_attr_celeba.txt").write_text(
        "4\nOld\n1.png 1\n2.png -1\n3.png 1\n4.png -1\n"
    )  # by the names of files alone
    assert load(folder).label_names == ("Old",)


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,Round\na/1.png,1\n", r"a row for each picture. Received: none for 3 of 4: 4.png, a"),
        ("file,Round\na/1.png,2\n", "must have values of 1 and 0, or -1"),
        ("file,Round\na/1.png,1\na/1.png,0\n", "must not list a picture twice"),
        ("file\na/1.png\n", "must start with a line of the number of rows"),
        ("file,Round\na/1.png,1,0\n", "must have 1 values"),
        ("", "must start with a line"),
    ],
)
def test_damaged_tables(text, message, folder):
    (folder / "attributes.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_no_table(folder, tmp_path):
    with pytest.raises(ValueError, match="`attributes` must be a file"):
        data.load("image_folder", folder, attributes=tmp_path / "gone.csv")
    (folder / "attributes.csv").unlink()
    assert table_beside(folder) is None
    with pytest.raises(ValueError, match="must be a text file"):
        attributes_of(tmp_path / "gone.csv", [])
