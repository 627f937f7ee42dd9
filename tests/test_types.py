"""Every public function and method says what it takes and what it returns."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "keras_tsvae"
FILES = sorted(PACKAGE.rglob("*.py"))


def is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def public_functions(tree, prefix=""):
    """Yields the public functions of a module and the methods of its public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if is_public(node.name):
                yield prefix + node.name, node, bool(prefix)
        elif isinstance(node, ast.ClassDef):
            if is_public(node.name):
                yield from public_functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from public_functions(node, prefix)


def unannotated(function, is_method):
    """Returns the arguments without annotation, and "return" if it is missing."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    static = any(getattr(d, "id", None) == "staticmethod" for d in function.decorator_list)
    if is_method and not static:
        positional = positional[1:]  # self or cls
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    every = [*positional, *arguments.kwonlyargs, *rest]
    missing = [argument.arg for argument in every if argument.annotation is None]
    if function.returns is None and not (function.name == "__init__" and every):
        missing.append("return")
    return missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_annotations(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    missing = {
        name: found
        for name, function, is_method in public_functions(tree)
        if (found := unannotated(function, is_method))
    }
    assert not missing


def test_the_check_itself():
    tree = ast.parse(
        "def f(a, *b, c=1, **d): ...\n"
        "def _private(a): ...\n"
        "class Public:\n"
        "    def __init__(self, a: int): ...\n"
        "    def __len__(self): ...\n"
        "    @staticmethod\n"
        "    def s(a) -> int: ...\n"
        "if True:\n"
        "    def g(a): ...\n"
        "class _Private:\n"
        "    def f(self, a): ...\n"
    )
    found = {name: unannotated(node, method) for name, node, method in public_functions(tree)}
    assert found == {
        "f": ["a", "c", "b", "d", "return"],
        "Public.__init__": [],
        "Public.__len__": ["return"],
        "Public.s": ["a"],
        "g": ["a", "return"],
    }


def test_type_checkers_are_told():
    assert (PACKAGE / "py.typed").is_file()
