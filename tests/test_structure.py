"""How the package is built: which room imports which, in files that can be read in one go."""

import ast
import graphlib
import pathlib

import pytest

pytestmark = pytest.mark.backend_free

REPOSITORY = pathlib.Path(__file__).parents[1]
PACKAGE = REPOSITORY / "keras_tsvae"

# From the ground to the roof: a room imports rooms of the floors below its own, and no others. A
# new room takes its place here.
FLOORS = (
    {"arguments", "backend", "version"},
    {"arrays"},
    {"conditions", "files", "losses", "optimizers", "reading"},
    {"latents", "saving"},
    {"data", "export", "layers"},
    {"inputs", "networks"},
    {"metrics", "presets", "training"},
    {"evaluation"},
    {"models"},
    {"callbacks", "official", "plots"},
    {"experiments", "explore", "hub"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)

# Which files name a backend; all others are written in Keras and NumPy.
NAMES_BACKENDS = ("backend", "data", "export", "inputs", "training")
NAMES_TENSORFLOW = (  # for files in formats of TensorFlow's own
    "keras_tsvae.callbacks.sample_grid",
    "keras_tsvae.official.checkpoint",
)

# The files that hold more than one public class.
FAMILIES = {
    "keras_tsvae.backend.keras_internals",  # what Keras lacks, each to go when Keras has it
    "keras_tsvae.data.celeba_sources",  # a folder or a ZIP file
    "keras_tsvae.layers.residual",  # what the public blocks are made of
    "keras_tsvae.metrics.extractors",  # of functions, models and judges
    "keras_tsvae.networks.network",  # what all networks are, and what image decoders are
}

# Faces that hand on names of a higher floor, and import them when they are asked for.
HANDS_ON = {"keras_tsvae.metrics"}


def modules(package):
    """Returns the syntax tree of every module of a package, by the module's whole name."""
    trees = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return trees


def imported(tree):
    """Returns the names that a module imports anywhere, also those for type checkers alone."""
    names, nodes = [], [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            of = [node.module] if node.module else []
            names += ["." * node.level + ".".join([*of, alias.name]) for alias in node.names]
        nodes += ast.iter_child_nodes(node)
    return names


def graph(trees):
    """Returns for every module the modules of its own package that it imports."""
    (package,) = {name.split(".")[0] for name in trees}
    return {
        module: {
            name if name in trees else name.rpartition(".")[0]
            for name in imported(tree)
            if name.split(".")[0] == package
        }
        for module, tree in trees.items()
    }


def room(module):
    """Returns the room, or the loose file, that a module is of."""
    return (*module.split("."), "__init__")[1]


def wrong_imports(package, floors=FLOORS):
    """Returns a line for every import that the plan does not allow."""
    trees = modules(package)
    arrows = graph(trees)
    floor_of = {name: number for number, floor in enumerate(floors) for name in floor}
    wrong = [f"{name} has no floor" for name in {room(module) for module in trees} - {*floor_of}]
    for module, tree in trees.items():
        wrong += [f"{module}: {name} is relative" for name in imported(tree) if name[0] == "."]
        for other in arrows[module]:
            ours, theirs = room(module), room(other)
            if ours != theirs and floor_of.get(ours, 0) <= floor_of.get(theirs, 0):
                wrong.append(f"{module} imports {other}")
        if module not in HANDS_ON:
            used = {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(tree)}
            for name in sorted(used & {"import_module", "__import__"}):
                wrong.append(f"{module} calls {name}")
    return wrong


def circle(package):
    """Returns the modules of an import circle, or none."""
    try:
        graphlib.TopologicalSorter(graph(modules(package))).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def backends_named(package):
    """Returns a line for every module that imports a backend and should not."""
    lines = []
    for module, tree in modules(package).items():
        named = {name.split(".")[0] for name in imported(tree)} & {"tensorflow", "jax", "torch"}
        allowed = {"tensorflow"} if module in NAMES_TENSORFLOW else set()
        if room(module) not in NAMES_BACKENDS and named - allowed:
            lines.append(f"{module} names {', '.join(sorted(named))}")
    return lines


def public_classes(tree):
    """Returns the names of a module's classes."""
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return [name for name in classes if not name.startswith("_")]


def test_imports_run_downwards():
    assert wrong_imports(PACKAGE) == []


def test_no_circles():
    assert circle(PACKAGE) == []


def test_only_some_rooms_name_a_backend():
    assert backends_named(PACKAGE) == []


def test_one_public_class_a_file():
    trees = modules(PACKAGE)
    assert {name for name, tree in trees.items() if len(public_classes(tree)) > 1} == FAMILIES


def test_no_long_files():
    folders = [PACKAGE, *(REPOSITORY / name for name in ("tests", "examples", "benchmarks"))]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert len(files) > 200
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert [str(file) for file, length in lengths.items() if length > 300] == []


def test_each_room_once():
    rooms = [name for floor in FLOORS for name in floor]
    assert sorted(rooms) == sorted({room(module) for module in modules(PACKAGE)})


# What the checks above are worth: packages of a few lines, most of them wrong.


@pytest.fixture
def write(tmp_path):
    """Writes the files of a package `house`, and returns its folder."""

    def write(**files):
        package = tmp_path / "house"
        for name, text in {"__init__": "", **files}.items():
            file = package.joinpath(*name.split("__")) if name != "__init__" else package / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".py").write_text(text)
        return package

    return write


@pytest.mark.parametrize(
    "line, wrong",
    [
        ("from house import cellar", []),
        ("from house.cellar import wine", []),
        (
            "import typing\nif typing.TYPE_CHECKING:\n    from house.roof import tile",
            ["house.hall imports house.roof"],
        ),
        ("from house.roof import tile", ["house.hall imports house.roof"]),
        ("from house import roof", ["house.hall imports house.roof"]),
        ("import house.roof", ["house.hall imports house.roof"]),
        ("from house import bench", ["house.hall imports house.bench"]),
        ("import house", ["house.hall imports house"]),
        ("def late():\n    from house.roof import tile", ["house.hall imports house.roof"]),
        ("try:\n    import house.roof\nfinally:\n    pass", ["house.hall imports house.roof"]),
        ("from . import cellar", ["house.hall: .cellar is relative"]),
        ("import importlib as i\ni.import_module('x')", ["house.hall calls import_module"]),
        ("__import__('house.roof')", ["house.hall calls __import__"]),
    ],
)
def test_wrong_imports_are_found(write, line, wrong):
    floors = ({"cellar"}, {"hall", "bench"}, {"roof"}, {"__init__"})
    package = write(cellar="wine = 1", hall=line, bench="", roof="tile = 1")
    assert wrong_imports(package, floors) == wrong


def test_unknown_rooms_are_found(write):
    package = write(attic__box="", cellar="")
    assert wrong_imports(package, ({"cellar"}, {"__init__"})) == ["attic has no floor"]


def test_circles_are_found(write):
    package = write(
        a="import house.b", b="def late():\n    from house import c", c="import house.a"
    )
    assert {"house.a", "house.b", "house.c"} == {*circle(package)}
    assert circle(write(c="")) == []


def test_backends_are_found(write):
    line = "def late():\n    import jax.numpy as jnp\n    from tensorflow.io import gfile"
    package = write(models__a=line, training__b=line, models__c="import keras")
    assert backends_named(package) == ["house.models.a names jax, tensorflow"]


def test_public_classes_are_found():
    tree = ast.parse("class A: pass\nclass _B: pass\ndef f():\n    class C: pass\nclass D(A): pass")
    assert public_classes(tree) == ["A", "D"]
