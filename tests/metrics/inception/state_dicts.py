"""Writes the files that PyTorch writes, opcode by opcode, and small weights to write."""

import json
import pickle
import zipfile
import zlib

import numpy as np

KINDS = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "u1": "Byte", "b1": "Bool"}
MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
STEM = {  # height and width, inputs, filters
    "Conv2d_1a_3x3": (3, 3, 3, 32),
    "Conv2d_2a_3x3": (3, 3, 32, 32),
    "Conv2d_2b_3x3": (3, 3, 32, 64),
    "Conv2d_3b_1x1": (1, 1, 64, 80),
    "Conv2d_4a_3x3": (3, 3, 80, 192),
}


def random_state(shapes, seed=0):
    """Weights by the published names for convolutions of these shapes, as in `STEM`."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, (height, width, inputs, filters) in shapes.items():
        deviation = np.sqrt(2 / (height * width * inputs))
        state[f"{name}.conv.weight"] = rng.normal(0, deviation, (filters, inputs, height, width))
        state[f"{name}.bn.weight"] = rng.uniform(0.7, 1.3, filters)
        state[f"{name}.bn.bias"] = rng.normal(0, 0.3, filters)
        state[f"{name}.bn.running_mean"] = rng.normal(0, 0.3, filters)
        state[f"{name}.bn.running_var"] = rng.uniform(0.1, 1.5, filters)
    state = {name: value.astype("float32") for name, value in state.items()}
    state["Conv2d_1a_3x3.bn.num_batches_tracked"] = np.array(7)
    return state


def made_up_state(keys):
    """The weights that golden/inception/expected.npz was computed with.

    Args:
        keys: Path of its keys.json: the names, shapes and dtypes of the published file.
    """
    state = {}
    for name, shape, dtype in json.loads(keys.read_text()):
        rng = np.random.default_rng([0, zlib.crc32(name.encode())])
        if name.endswith("num_batches_tracked"):
            array = np.zeros(shape)
        elif name.endswith("running_var"):
            array = rng.uniform(0.5, 1.5, shape)
        elif name.endswith("bn.weight"):
            array = rng.uniform(0.7, 1.3, shape)
        elif name.endswith(("bn.bias", "running_mean", "fc.bias")):
            array = rng.normal(0, 0.1, shape)
        else:
            array = rng.normal(0, np.sqrt(2 / int(np.prod(shape[1:]))), shape)
        state[name] = array.astype(dtype)
    return state


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def value(thing):
    return pickle.dumps(thing, 2)[2:-1]  # neither protocol nor end


def call(function, *arguments):
    return function + b"(" + b"".join(arguments) + b"tR"


def storage(kind, key, count, legacy):
    rest = (value(None),) if legacy else ()
    parts = value("storage"), named("torch", f"{kind}Storage"), value(key), value("cpu")
    return b"(" + b"".join((*parts, value(count), *rest)) + b"tQ"


def tensor(where, offset, shape, strides):
    hooks = call(named("collections", "OrderedDict"))
    arguments = value(offset), value(shape), value(strides), value(False), hooks
    return call(named("torch._utils", "_rebuild_tensor_v2"), where, *arguments)


def state_pickle(tensors):
    """An OrderedDict of tensors with an attribute, as `Module.state_dict` returns it."""
    items = b"".join(value(name) + code for name, code in tensors.items())
    ordered = call(named("collections", "OrderedDict")) + b"(" + items + b"u"
    return b"\x80\x02" + ordered + value({"_metadata": {"": {"version": 1}}}) + b"b."


def tensor_codes(state, legacy):
    codes = {}
    for number, (name, array) in enumerate(state.items()):
        strides = tuple(step // array.itemsize for step in array.strides)
        where = storage(KINDS[array.dtype.str[1:]], str(number), array.size, legacy)
        codes[name] = tensor(where, 0, array.shape, strides)
    return codes


def write_zip(path, state, code=None, byteorder="little", compression=zipfile.ZIP_STORED):
    """Writes C-contiguous arrays by name; or `code` for the pickle, over the arrays."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("top/data.pkl", code or state_pickle(tensor_codes(state, False)))
        archive.writestr("top/byteorder", byteorder)
        for number, array in enumerate(state.values()):
            archive.writestr(f"top/data/{number}", array.tobytes())


def write_legacy(path, state, /, **parts):
    """Writes C-contiguous arrays by name; `parts` are pickles in place of the usual ones."""
    keys = [str(number) for number in range(len(state))]
    usual = {
        "magic": pickle.dumps(MAGIC, 2),
        "protocol": pickle.dumps(1001, 2),
        "system": pickle.dumps(SYSTEM, 2),
        "state": state_pickle(tensor_codes(state, True)),
        "keys": pickle.dumps(keys, 2),
    }
    data = [array.size.to_bytes(8, "little") + array.tobytes() for array in state.values()]
    path.write_bytes(b"".join({**usual, **parts}.values()) + b"".join(data))
