"""PyTorch's files of tensors, read without PyTorch and without running what is in them.

Such a file holds a pickle, and a pickle may call any function it can name. Here it can name the
handful of things a dict of tensors is made of, and each stands for an object of this module that
can neither do nor be made to do anything else. The numbers lie outside of the pickle.

Source: the formats that `torch.save` writes; the zip file since PyTorch 1.6, the older one before
and with `_use_new_zipfile_serialization=False`.
"""

import collections
import functools
import io
import os
import pickle
import typing
import zipfile

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DEPTH = 100  # of tuples in tuples; those that PyTorch writes have 4
_STORAGES: dict[str, np.dtype[typing.Any]] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype("<u2"),  # the upper half of a float32
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("u1"),
}


def read_zip(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """Returns the tensors by name, as read-only arrays.

    Args:
        archive: Open `zipfile.ZipFile` of a file that `torch.save` wrote.

    Raises:
        ValueError: If the file is not a plain dict of tensors; other errors of `pickle`,
            `zipfile` and NumPy if it is damaged.
    """
    pickles = [name for name in archive.namelist() if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise ValueError(f"it has {len(pickles)} members data.pkl, not one")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist():
        if _member(archive, f"{root}byteorder").strip() != b"little":
            raise ValueError("its numbers are not little-endian")
    state, storages = _load(io.BytesIO(_member(archive, pickles[0])))
    data = {key: _member(archive, f"{root}data/{key}") for key in storages}
    return _arrays(state, storages, data)


def read_legacy(file: io.BufferedReader) -> dict[str, np.ndarray]:
    """Returns the tensors by name, as read-only arrays, of a file before PyTorch 1.6.

    Args:
        file: File, open for reading bytes, at its beginning.

    Raises:
        ValueError: If the file is not a plain dict of tensors; other errors of `pickle` and NumPy
            if it is damaged.
    """
    pickled = _Within(file)
    (magic, _), (protocol, _), (system, _) = (_load(pickled) for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise ValueError("it is no file of PyTorch's")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("its numbers are not little-endian")
    state, storages = _load(pickled)
    keys, _ = _load(pickled)
    if not isinstance(keys, list) or sorted(keys) != sorted(storages):
        raise ValueError("its list of storages is not that of its tensors")
    data = {}
    for key in keys:
        storage = storages[key]
        is_whole = file.read(8) == storage.length.to_bytes(8, "little")
        left = os.fstat(file.fileno()).st_size - file.tell()
        if not is_whole or storage.nbytes > left:
            raise ValueError(f"its storage {key!r} is not of {storage.length} numbers, or cut off")
        data[key] = file.read(storage.nbytes)
    return _arrays(state, storages, data)


class _Storage(typing.NamedTuple):
    """A row of numbers that tensors are cut from."""

    kind: str
    key: str
    length: int

    @property
    def nbytes(self):
        return self.length * _STORAGES[self.kind].itemsize


class _Tensor(typing.NamedTuple):
    """Where a tensor lies in its storage; counted in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


# The callables below are instances without attributes, not functions, because a pickle can also
# set attributes of what it has named, and a function has many that matter.


class _RebuildTensor:
    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, *ignored):
        """Returns a `_Tensor` that lies within its storage, or raises a `ValueError`."""
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or len(shape) != len(strides):
            raise ValueError("it has a tensor without a storage or with strides that do not fit")
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError("it has a tensor whose shape, strides or offset are not natural")
        last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides))
        if 0 not in shape and last >= storage.length:
            raise ValueError("it has a tensor that reaches beyond its storage")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
    __slots__ = ()

    def __call__(self, data, *ignored):
        """Returns the tensor that is the parameter's value."""
        return data


_GLOBALS = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    **{("torch", kind): kind for kind in _STORAGES},  # a str, which nothing can change
}


_LOADS: dict[int, typing.Any] = {**pickle._Unpickler.dispatch}


class _Within:
    """A file that is never asked for more bytes than it has left: Python takes memory for all."""

    def __init__(self, file):
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.readline = file.readline

    def read(self, length):
        return self.file.read(min(length, self.size - self.file.tell()))


class _Unpickler(pickle._Unpickler):
    """The one in Python: that in C lets a few bytes ask for gigabytes of memory."""

    dispatch: typing.ClassVar[dict[int, typing.Any]] = {**_LOADS}
    del dispatch[pickle.BYTEARRAY8[0]]  # which takes memory before it reads
    stack: list[typing.Any]

    def __init__(self, file):
        super().__init__(file, encoding="utf-8")
        self.storages = {}
        self.depths = {}  # of tuples, by their ids

    def _load_tuple(self, code):
        _LOADS[code](self)
        made = self.stack[-1]
        depth = 1 + max((self.depths.get(id(part), 0) for part in made), default=0)
        if depth > _DEPTH:  # Python hashes tuples in tuples until its stack is full, and crashes
            raise ValueError("it has tuples in tuples without end")
        self.depths[id(made)] = depth

    for _code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[_code[0]] = functools.partial(_load_tuple, code=_code[0])

    def find_class(self, module, name):
        if (module, name) not in _GLOBALS:
            raise ValueError(f"it asks for {module}.{name}, which is refused")
        return _GLOBALS[module, name]

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise ValueError("it refers to something other than a storage")
        kind, key, _, count = pid[1:5]
        if pid[5:] not in ((), (None,)):
            raise ValueError("it has a storage that is a part of another")
        if kind not in _STORAGES or not isinstance(key, str):
            raise ValueError("it has a storage of unknown type or key")
        if not isinstance(count, int) or count < 0:
            raise ValueError("it has a storage of an impossible size")
        storage = _Storage(kind, key, count)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"it has two storages {key!r}")
        return storage


def _load(file):
    """Returns the next pickle's object and the storages it refers to, by key."""
    unpickler = _Unpickler(file)
    return unpickler.load(), unpickler.storages


def _member(archive, name):
    info = archive.getinfo(name)
    # PyTorch never compresses, and without compression no member is larger than the file.
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"its member {name!r} is compressed")
    return archive.read(info)


def _arrays(state, storages, data):
    if not isinstance(state, dict):
        raise ValueError("it does not hold a dict of tensors")
    rows = {key: _decoded(storage, data[key]) for key, storage in storages.items()}
    arrays = {}
    for name, tensor in state.items():
        if not isinstance(tensor, _Tensor):
            raise ValueError(f"its entry {name!r} is not a tensor")
        row = rows[tensor.storage.key]
        strides = [stride * row.itemsize for stride in tensor.strides]
        arrays[name] = np.lib.stride_tricks.as_strided(
            row[tensor.offset :], tensor.shape, strides, writeable=False
        )
    return arrays


def _decoded(storage, data):
    row = np.frombuffer(data, _STORAGES[storage.kind], storage.length)
    if storage.kind == "BoolStorage":
        return row != 0
    if storage.kind == "BFloat16Storage":
        return (row.astype("uint32") << 16).view("float32")
    return row
