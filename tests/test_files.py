import concurrent.futures
import os
import subprocess
import sys
import threading
import time

import pytest

from keras_tsvae import files
from keras_tsvae.files import cache_folder, expanded, scratch_folder, written_beside

pytestmark = pytest.mark.backend_free


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
    rename, targets = os.rename, []

    def second_to_the_folder_fails(source, target):
        targets.append(target)
        if targets.count(folder) == 2:
            raise OSError("no")
        rename(source, target)

    with pytest.raises(OSError, match="no"):
        with written_beside(folder) as partial:
            write_folder(partial, "new")
            monkeypatch.setattr(os, "rename", second_to_the_folder_fails)
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_never_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "path").write_text("mine")
    with pytest.raises(OSError):
        with written_beside(tmp_path / "path") as partial:
            write_folder(partial, "new")
    assert (tmp_path / "path").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["path"]


def test_what_another_process_wrote_first_is_kept(tmp_path):
    folder = tmp_path / "folder"
    with written_beside(folder, unless=lambda: (folder / "file").exists()) as partial:
        write_folder(partial, "second")
        write_folder(folder, "first")
    assert (folder / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("moment", ["before the old one is moved", "before the new one comes"])
def test_a_folder_that_changes_while_it_is_replaced(moment, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    write_folder(folder, "old")
    rename, sources = os.rename, []

    def others_come_between(source, target):
        sources.append(source)
        if len(sources) == 2 and moment == "before the old one is moved":
            rename(folder, tmp_path / "elsewhere")
        if len(sources) == 3 and moment == "before the new one comes":
            write_folder(folder, "theirs")
        rename(source, target)

    monkeypatch.setattr(os, "rename", others_come_between)
    with written_beside(folder) as partial:
        write_folder(partial, "new")
    assert (folder / "file").read_text() == "new"
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_many_writers_of_one_path_all_succeed(tmp_path):
    folder, file, start = tmp_path / "folder", tmp_path / "file", threading.Barrier(8)

    def write(number):
        start.wait()
        for _ in range(20):
            with written_beside(folder) as partial:
                write_folder(partial, str(number))
            with written_beside(file) as partial:
                partial.write_text(str(number))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert (folder / "file").read_text() in map(str, range(8))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


KILLED = """
import os, runpy, sys
written_beside = runpy.run_path(sys.argv[1])["written_beside"]
with written_beside(sys.argv[2]) as partial:
    partial.mkdir()
    (partial / "half").write_text("")
    os._exit(9)
"""


def test_what_killed_processes_leave_is_removed_at_the_next_write(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, files.__file__, tmp_path / "folder"])
    assert len(list(tmp_path.glob(".*-folder/half"))) == 1
    with written_beside(tmp_path / "file") as partial:
        partial.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def age(path, days):
    then = time.time() - days * 24 * 60 * 60
    os.utime(path, (then, then))


def left_over(folder, kind="new", machine=None, pid=None, name="file"):
    """A partial file as a process leaves it."""
    machine = files._machine() if machine is None else machine
    path = folder / f".tsvae-{kind}-{machine}-{os.getpid() if pid is None else pid}-01234567-{name}"
    path.write_text("half")
    return path


def test_partial_files_of_living_processes_are_kept(tmp_path):
    kept = [left_over(tmp_path, pid=os.getppid()), left_over(tmp_path, machine="0" * 8)]
    older = [left_over(tmp_path, pid=os.getppid(), name="a"), left_over(tmp_path, "new", "1" * 8)]
    earlier = [tmp_path / ".0123456789ab-file", tmp_path / ".0123456789ac-file"]
    for path in earlier:
        path.write_text("half")
    for path in (*older, earlier[1]):
        age(path, days=2)
    mine = left_over(tmp_path)  # of another process that had this one's number
    with written_beside(tmp_path / "file") as partial:
        with written_beside(tmp_path / "another") as beside:
            beside.write_text("new")
        partial.write_text("new")
    for path in (*kept, earlier[0]):
        assert path.exists()
    for path in (*older, earlier[1], mine):
        assert not path.exists()


def test_folders_that_still_grow_are_not_old(tmp_path):
    partial = tmp_path / f".tsvae-new-{'0' * 8}-12-01234567-file"
    write_folder(partial, "half")
    age(partial, days=2)
    with written_beside(tmp_path / "file") as path:
        path.write_text("new")
    assert partial.exists()
    age(partial / "file", days=2)
    age(partial, days=2)
    with written_beside(tmp_path / "file") as path:
        path.write_text("new")
    assert not partial.exists()


def test_an_old_folder_whose_successor_never_came_is_kept(tmp_path):
    left_over(tmp_path, "old")
    with pytest.raises(RuntimeError):
        with written_beside(tmp_path / "file"):
            raise RuntimeError
    assert len(list(tmp_path.iterdir())) == 1
    for _ in range(2):
        with written_beside(tmp_path / "file") as partial:
            partial.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_scratch_folders(tmp_path):
    with scratch_folder(tmp_path / "deep" / "file") as folder:
        assert folder.parent == tmp_path / "deep" and not list(folder.iterdir())
        (folder / "part").write_text("")
    assert not list((tmp_path / "deep").iterdir())


def test_names_may_be_long(tmp_path):
    with written_beside(tmp_path / ("x" * 250 + ".npz")) as partial:
        assert partial.suffix == ".npz"
        partial.write_text("new")
    assert len(list(tmp_path.iterdir())) == 1


def test_caches_lie_where_keras_keeps_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME")
    assert cache_folder("a") == tmp_path / ".keras" / "keras_tsvae" / "a"
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    assert str(cache_folder("a")) == "/tmp/.keras/keras_tsvae/a"
    (tmp_path / ".keras").mkdir()
    assert cache_folder("a") == tmp_path / ".keras" / "keras_tsvae" / "a"


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", "~/keras")
    assert cache_folder("a", "b") == tmp_path / "keras" / "keras_tsvae" / "a" / "b"
    assert expanded("~/a") == tmp_path / "a" and str(expanded("~nobody_here/a")) == "~nobody_here/a"
    with written_beside("~/file") as partial:
        partial.write_text("new")
    assert (tmp_path / "file").read_text() == "new"
