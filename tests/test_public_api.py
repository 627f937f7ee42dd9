"""What users may call, name by name: `public_api.txt` shows in a diff what becomes of it.

    python -m tests.test_public_api

writes the list anew, for a change that is meant.
"""

import importlib
import inspect
import pathlib
import re

import pytest

import keras_tsvae
from keras_tsvae import latents

LIST = pathlib.Path(__file__).parent / "public_api.txt"
ROOMS = (
    "callbacks",
    "conditions",
    "data",
    "evaluation",
    "experiments",
    "explore",
    "export",
    "hub",
    "latents",
    "layers",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "plots",
    "presets",
)


def public_api():
    """Returns a sorted line for every public name, with the parameters of what can be called."""
    lines = set()
    for path in ("keras_tsvae", *(f"keras_tsvae.{room}" for room in ROOMS)):
        module = importlib.import_module(path)
        for name in getattr(module, "__all__", None) or defined_in(module):
            lines.update(lines_of(f"{path}.{name}", getattr(module, name)))
    return sorted(lines)


def defined_in(module):
    """Returns the public names that a module without `__all__` defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def lines_of(path, value):
    """Returns the line of a function, a class, a constant or a module, and those of members."""
    if inspect.isclass(value):
        yield path + parameters(value.__init__, without_first=True)
        for name, member in members(value).items():
            function = getattr(member, "__func__", member)
            yield f"{path}.{name}{parameters(function) if inspect.isfunction(function) else ''}"
    else:
        yield path + (parameters(value) if callable(value) else "")


def members(cls):
    """Returns the public methods and properties of a class that this package defines.

    Without Keras's own methods as each backend needs them.
    """
    found = {}
    for base in reversed(cls.__mro__):
        package, room, *_ = (*base.__module__.split("."), "")
        if package == "keras_tsvae" and room not in ("backend", "training"):
            for name, member in vars(base).items():
                if name == "__call__" or not name.startswith("_"):
                    found[name] = member
    return {name: member for name, member in found.items() if callable_or_property(member)}


def callable_or_property(member):
    """Whether it is a method of any kind or a property, rather than a constant."""
    return inspect.isroutine(member) or hasattr(member, "__get__")


def parameters(function, without_first=False):
    """Returns a signature without its annotations."""
    signature = inspect.signature(function)
    kept = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    text = str(inspect.Signature(kept[1:] if without_first else kept))
    return re.sub(" at 0x[0-9a-f]+", "", text)


def test_public_names_are_those_of_the_list():
    listed, found = LIST.read_text(encoding="utf-8").splitlines(), public_api()
    gone, new = [sorted(set(a) - set(b)) for a, b in ((listed, found), (found, listed))]
    assert listed == found, (
        f"the public names differ from {LIST.name}: gone {gone}, new {new}. If that is meant, "
        "`python -m tests.test_public_api` writes the list anew."
    )


@pytest.mark.parametrize(
    "place, name",
    [
        ("metrics.generation_report", "GenerationReport"),  # as pickles name it
        ("metrics.obedience_report", "ObedienceReport"),
        ("mixture", "GaussianMixture"),
        ("obedience", "evaluate_obedience"),
        ("posteriors", "Posteriors"),
        ("preset", "Preset"),
    ],
)
def test_earlier_places(place, name):
    value = getattr(importlib.import_module(f"keras_tsvae.{place}"), name)
    assert value is getattr(importlib.import_module(value.__module__), name)
    assert value.__module__ != f"keras_tsvae.{place}"
    assert keras_tsvae.mixture.GaussianMixture is latents.GaussianMixture


if __name__ == "__main__":
    LIST.write_text("".join(f"{line}\n" for line in public_api()), encoding="utf-8")
