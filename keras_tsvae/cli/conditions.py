"""What a command line asks of a conditional model."""

import contextlib
import typing
from collections.abc import Iterator

import typer


def asked(
    model: typing.Any,
    class_name: str | None,
    attributes: list[str] | None,
    without: list[str] | None,
) -> typing.Any:
    """Returns a condition as the model takes it, or None if nothing is asked for.

    Args:
        model: A model, conditional or not.
        class_name: Label or name of a class, or None.
        attributes: Names of attributes that shall be there, or None.
        without: Names of those that shall not, or None.

    Raises:
        typer.BadParameter: If the model does not know what is asked for.
    """
    wanted, unwanted = list(attributes or ()), list(without or ())
    if class_name is None and not wanted and not unwanted:
        return None
    kind = "classes" if class_name is not None else "attributes"
    hint = "'--class'" if class_name is not None else "'--with' or '--without'"
    conditions = getattr(model, "conditions", None)
    if conditions is None:
        raise typer.BadParameter("the model was trained without conditions", param_hint=hint)
    both = sorted({*wanted} & {*unwanted})
    if both or (class_name is not None and (wanted or unwanted)):
        received = f"{both[0]!r} is asked for and excluded" if both else "there is a class as well"
        raise typer.BadParameter(received, param_hint="'--with' or '--without'")
    if conditions.kind != kind:
        raise typer.BadParameter(
            f"the model's conditions are {conditions.kind}, not {kind}", param_hint=hint
        )
    if class_name is None:
        condition: typing.Any = {**dict.fromkeys(wanted, 1), **dict.fromkeys(unwanted, -1)}
    else:
        condition = class_label(conditions, class_name)
    with usage_errors(hint):
        conditions.request(condition)
    return condition


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
