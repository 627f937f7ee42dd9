import os
import pathlib
import pickle
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from keras_tsvae.metrics.inception.state_dict import read_state_dict
from tests.metrics.inception.state_dicts import (
    call,
    named,
    state_pickle,
    storage,
    tensor,
    value,
    write_legacy,
    write_zip,
)

pytestmark = pytest.mark.backend_free

RNG = np.random.default_rng(0)
STATE = {
    "conv.weight": RNG.normal(size=(2, 3, 1, 2)).astype("float32"),
    "wide": RNG.normal(size=5),
    "half": RNG.normal(size=(4, 1)).astype("float16"),
    "count": np.array(12),
    "bytes": np.arange(3, dtype="uint8"),
    "flags": np.array([True, False]),
    "empty": np.empty((0, 3), "float32"),
}
ROW = {"row": np.arange(12, dtype="float32")}


def write_npz(path, state):
    with open(path, "wb") as file:  # whatever the ending
        np.savez(file, **state)


def write_hdf5(path, state):
    with h5py.File(path, "w") as file:
        for name, array in state.items():
            file[name] = array


def check(found, expected):
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, strict=True)


def refused(path, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("write", [write_zip, write_legacy, write_npz, write_hdf5])
@pytest.mark.parametrize("ending", ["pth", "npz", "h5"])
def test_every_format_under_any_name(write, ending, tmp_path):
    path = tmp_path / f"weights.{ending}"
    write(path, STATE)
    check(read_state_dict(str(path)), STATE)


@pytest.mark.parametrize("name", ["tiny_zip", "tiny_legacy"])
def test_files_of_pytorchs_own(name, golden):
    expected = golden("inception/tiny_expected")
    folder = pathlib.Path(os.environ["KERAS_TSVAE_DATA"]) / "golden" / "inception"
    check(read_state_dict(folder / f"{name}.pth"), dict(expected))


@pytest.mark.parametrize("write, legacy", [(write_zip, False), (write_legacy, True)])
def test_views_of_one_storage(write, legacy, tmp_path):
    where = storage("Float", "0", 12, legacy)
    parameter = named("torch._utils", "_rebuild_parameter")
    views = {
        "transposed": tensor(where, 0, (4, 3), (1, 4)),
        "every other": tensor(where, 1, (3, 2), (4, 2)),
        "repeated": tensor(where, 5, (3,), (0,)),
        "one": call(parameter, tensor(where, 11, (), ()), value(True), value({})),
    }
    code = state_pickle(views)
    write(tmp_path / "x", ROW, **({"state": code} if legacy else {"code": code}))
    rows = ROW["row"].reshape(3, 4)
    expected = {
        "transposed": rows.T,
        "every other": rows[:, 1::2],
        "repeated": np.full(3, 5, "float32"),
        "one": np.array(11, "float32"),
    }
    check(read_state_dict(tmp_path / "x"), expected)


def test_bfloat16_becomes_float32(tmp_path):
    numbers = np.array([1.0, -2.5, 3.0e38, 0.15625], "float32")
    upper = (numbers.view("uint32") >> 16).astype("uint16")
    code = state_pickle({"x": tensor(storage("BFloat16", "0", 4, False), 0, (4,), (1,))})
    write_zip(tmp_path / "x", {"x": upper}, code)
    expected = (upper.astype("uint32") << 16).view("float32")
    check(read_state_dict(tmp_path / "x"), {"x": expected})
    np.testing.assert_allclose(expected, numbers, rtol=2**-7)


@pytest.mark.parametrize(
    "offset, shape, strides",
    [
        (0, (13,), (1,)),
        (12, (), ()),
        (1, (3, 4), (4, 1)),
        (0, (2, 2), (11, 1)),
        (-1, (2,), (1,)),
        (11, (12,), (-1,)),
        (0, (-1,), (1,)),
        (0, (2, 2), (1,)),
        (0, (2.0,), (1,)),
        (0, (2**40,), (2**40,)),
        (0, (0, 2**80), (1, 1)),
        (0, None, None),
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_nothing_is_read_outside_of_a_storage(offset, shape, strides, legacy, tmp_path):
    code = state_pickle({"x": tensor(storage("Float", "0", 12, legacy), offset, shape, strides)})
    if legacy:
        write_legacy(tmp_path / "x", ROW, state=code)
    else:
        write_zip(tmp_path / "x", ROW, code)
    refused(tmp_path / "x", "Received")


class Malicious:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def attacks(marker):
    command = f"touch {marker}"
    return {
        "system": pickle.dumps(Malicious(os.system, command), 2),
        "eval": pickle.dumps(Malicious(eval, f"open({str(marker)!r}, 'w')"), 2),
        "eval 4": pickle.dumps({"x": [Malicious(eval, f"open({str(marker)!r}, 'w')")]}, 4),
        "open": pickle.dumps(Malicious(open, str(marker), "w"), 0),
        "getattr": b"\x80\x02" + call(named("builtins", "getattr"), value(""), value("x")) + b".",
        "hub": b"\x80\x02" + call(named("torch.hub", "load"), value("a"), value("b")) + b".",
        "storage": b"\x80\x02" + call(named("torch", "load"), value("a")) + b".",
        "dotted": b"\x80\x04\x8c\x0bcollections\x8c\x0aabc.sys.xx\x93.",
        "inst": f"(S'{command}'\nios\nsystem\n.".encode(),
    }


@pytest.mark.parametrize("attack", attacks("x"))
@pytest.mark.parametrize("part", ["zip", "magic", "protocol", "system", "state", "keys"])
def test_no_function_is_called(attack, part, tmp_path):
    code = attacks(tmp_path / "marker")[attack]
    if part == "zip":
        write_zip(tmp_path / "x", ROW, code)
    else:
        write_legacy(tmp_path / "x", ROW, **{part: code})
    refused(tmp_path / "x", "it asks for .*, which is refused")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("module, name", [("torch._utils", "_rebuild_tensor_v2"),
                                          ("torch._utils", "_rebuild_parameter"),
                                          ("collections", "OrderedDict"),
                                          ("torch", "FloatStorage")])  # fmt: skip
@pytest.mark.parametrize("change", [{"__call__": 1}, (None, {"__call__": 1, "__doc__": "x"})])
def test_nothing_that_a_pickle_names_can_be_changed(module, name, change, tmp_path):
    code = b"\x80\x02" + named(module, name) + value(change) + b"b."
    write_zip(tmp_path / "x", ROW, code)
    refused(tmp_path / "x", "Received")
    write_zip(tmp_path / "y", STATE)
    check(read_state_dict(tmp_path / "y"), STATE)


@pytest.mark.parametrize(
    "reference",
    ["storage", ("storage",), ("module", "FloatStorage", "0", "cpu", 12),
     ("storage", "FloatStorage", 0, "cpu", 12), ("storage", "Float", "0", "cpu", 12),
     ("storage", [], "0", "cpu", 12), ("storage", "FloatStorage", "0", "cpu", -1),
     ("storage", "FloatStorage", "0", "cpu", 12.0), ("storage", "FloatStorage", "0", "cpu", 13),
     ("storage", "FloatStorage", "../0", "cpu", 12),
     ("storage", "FloatStorage", "0", "cpu", 12, ("1", 0, 3))],
)  # fmt: skip
def test_odd_references_are_refused(reference, tmp_path):
    code = state_pickle({"x": tensor(value(reference) + b"Q", 0, (2,), (1,))})
    write_zip(tmp_path / "x", ROW, code)
    refused(tmp_path / "x", "Received")


@pytest.mark.parametrize("write", [write_zip, write_legacy, write_npz])
def test_cut_files(write, tmp_path):
    write(tmp_path / "whole", STATE)
    whole = (tmp_path / "whole").read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        (tmp_path / "cut").write_bytes(whole[:length])
        refused(tmp_path / "cut", "Received")


def test_other_files(tmp_path):
    refused(tmp_path / "none", "`path` must name a file")
    refused(tmp_path, "`path` must name a file")
    path = tmp_path / "x"
    path.write_bytes(b"hello")
    refused(path, "Received")
    write_zip(path, ROW, byteorder="big")
    refused(path, "not little-endian")
    write_zip(path, ROW, compression=zipfile.ZIP_DEFLATED)
    refused(path, "is compressed")
    write_legacy(path, ROW, system=pickle.dumps({"little_endian": False}, 2))
    refused(path, "not little-endian")
    write_legacy(path, ROW, keys=pickle.dumps(["0", "1"], 2))
    refused(path, "list of storages")
    write_legacy(path, ROW, protocol=pickle.dumps(1002, 2))
    refused(path, "no file of PyTorch's")
    write_zip(path, {}, pickle.dumps({"state_dict": {}}, 2))
    refused(path, "'state_dict' is not a tensor")
    zipfile.ZipFile(path, "w").close()
    refused(path, "Received")
    write_zip(path, STATE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-12] + bytes(12))  # a directory that is said to be empty
    refused(path, "holds nothing")
    write_zip(path, {}, pickle.dumps([1], 2))
    refused(path, "not hold a dict")
    write_npz(path, {"x": np.array([{}], object)})
    refused(path, "Python objects")
    write_npz(path, {"x": np.array(["text"])})
    refused(path, "'x' is not an array of numbers")
    path.unlink()
    write_hdf5(path, {"group/x": np.zeros(2)})
    refused(path, "'group' is not a data set")


def test_lengths_that_are_claimed_take_no_memory(tmp_path):
    """Opcodes that announce a text or a frame of a terabyte, in a file of a few bytes."""
    for claim in (b"\x8e", b"\x8d", b"\x95", b"\x96"):
        code = b"\x80\x04" + claim + (2**40).to_bytes(8, "little") + b"x"
        (tmp_path / "x").write_bytes(code)
        tracemalloc.start()
        refused(tmp_path / "x", "Received")
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


@pytest.mark.parametrize("legacy", [False, True])
def test_tuples_in_tuples_without_end(legacy, tmp_path):
    """To hash them, as a key or a kind of storage, would end the process."""
    code = b"\x80\x02}" + b")" + b"\x85" * 10**6 + b"K\x01s."
    if legacy:
        write_legacy(tmp_path / "x", ROW, state=code)
    else:
        write_zip(tmp_path / "x", ROW, code)
    refused(tmp_path / "x", "tuples in tuples")


def test_archives_that_ask_for_too_much(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/data.pkl", b"")
        archive.writestr("top/data/0", bytes(2**27))
    refused(tmp_path / "x", "asks for .* bytes of memory")
