import os

import pytest

from keras_tsvae.files import written_beside


def write_folder(path, text):
    path.mkdir()
    (path / "file").write_text(text)


def test_a_folder_takes_the_place_of_a_full_one(tmp_path):
    folder = tmp_path / "folder"
    write_folder(folder, "old")
    (folder / "more").write_text("old")
    with written_beside(folder) as partial:
        write_folder(partial, "new")
        assert (folder / "file").read_text() == "old"
    assert (folder / "file").read_text() == "new"
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_failed_body_leaves_the_full_folder(tmp_path):
    folder = tmp_path / "folder"
    write_folder(folder, "old")
    with pytest.raises(RuntimeError):
        with written_beside(folder) as partial:
            write_folder(partial, "new")
            raise RuntimeError
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_failed_rename_puts_the_old_folder_back(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    write_folder(folder, "old")
    rename, sources = os.rename, []

    def second_fails(source, target):
        sources.append(source)
        if len(sources) == 2:
            raise OSError("no")
        rename(source, target)

    with pytest.raises(OSError, match="no"):
        with written_beside(folder) as partial:
            write_folder(partial, "new")
            monkeypatch.setattr(os, "rename", second_fails)
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_never_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "path").write_text("mine")
    with pytest.raises(OSError):
        with written_beside(tmp_path / "path") as partial:
            write_folder(partial, "new")
    assert (tmp_path / "path").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["path"]
