"""What a command line asks of a conditional model."""

import contextlib
import typing
from collections.abc import Iterator

import typer

_KINDS = {
    "'--class'": ("classes",),
    "'--with' or '--without'": ("attributes",),
    "'--value'": ("number", "vector"),
}


def asked(
    model: typing.Any,
    class_name: str | None,
    attributes: list[str] | None,
    without: list[str] | None,
    values: list[str] | None = None,
) -> typing.Any:
    """Returns a condition as the model takes it, or None if nothing is asked for.

    Args:
        model: A model, conditional or not.
        class_name: Label or name of a class, or None.
        attributes: Names of attributes that shall be there, or None.
        without: Names of those that shall not, or None.
        values: `"0.5,-1"`, all numbers of a condition in order, or `"name=0.5"` of some; or None.

    Raises:
        typer.BadParameter: If the model does not know what is asked for.
    """
    wanted, unwanted = list(attributes or ()), list(without or ())
    ways = {
        "'--class'": class_name is not None,
        "'--with' or '--without'": bool(wanted or unwanted),
        "'--value'": bool(values),
    }
    used = [way for way, is_used in ways.items() if is_used]
    if not used:
        return None
    hint = used[0]
    conditions = getattr(model, "conditions", None)
    if conditions is None:
        raise typer.BadParameter("the model was trained without conditions", param_hint=hint)
    if len(used) > 1:
        raise typer.BadParameter(f"there is {used[1]} as well", param_hint=hint)
    kinds = _KINDS[hint]
    if conditions.kind not in kinds:
        message = f"the model's conditions are {conditions.kind}, not {' or '.join(kinds)}"
        raise typer.BadParameter(message, param_hint=hint)
    if values:
        condition: typing.Any = _numbers(conditions, values)
    elif class_name is None:
        condition = _attributes(wanted, unwanted)
    else:
        condition = class_label(conditions, class_name)
    with usage_errors(hint):
        conditions.request(condition)
    return condition


def _attributes(wanted, unwanted):
    """Returns what asks for attributes, and against others."""
    both = sorted({*wanted} & {*unwanted})
    if both:
        message = f"{both[0]!r} is asked for and excluded"
        raise typer.BadParameter(message, param_hint="'--with' or '--without'")
    return {**dict.fromkeys(wanted, 1), **dict.fromkeys(unwanted, -1)}


def _numbers(conditions, values):
    """Returns what asks for a number, a vector, or some entries of one by their names."""
    pairs = [value.rpartition("=")[::2] for value in values]
    by_name = dict(pairs)
    try:
        if "" not in by_name and len(by_name) == len(pairs):
            return {name: float(number) for name, number in pairs}
        (text,) = values
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        message = f"write 0.5, or 0.5,-1, or name=0.5 once a name. Received: {' '.join(values)!r}"
        raise typer.BadParameter(message, param_hint="'--value'") from None
    return numbers[0] if conditions.kind == "number" and len(numbers) == 1 else numbers


def class_label(conditions: typing.Any, name: str) -> str | int:
    """Returns what a name means: a label where it is a number, and no name, of a class."""
    is_label = conditions.kind == "classes" and name.isdecimal()
    return int(name) if is_label and name not in (conditions.names or ()) else name


@contextlib.contextmanager
def usage_errors(hint: str) -> Iterator[None]:
    """Turns `ValueError`s about what was asked for into usage errors."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from error
