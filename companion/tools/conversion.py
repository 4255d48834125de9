"""From JSON to the types that a function asks for: what the schema offers, the function gets.

JSON has no enumerations and no tuples, and does not tell 5 from 5.0. A function whose hint says
``Color`` must get a member of `Color`, not the text ``"red"``. Types that can't be made from JSON
are refused when the tool is made. Taught in :doc:`/book/applications/function-calling`.
"""

import enum
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from companion.errors import ToolDefinitionError

PLAIN = (str, int, float, bool, type(None), Any, list, dict, tuple)
ALLOWED = "str, int, float, bool, list[...], dict[str, ...], tuple[...], Literal, an Enum, X | None"


class Unfit(Exception):
    """A value that is not of a type."""


def check_hint(tool: str, argument: str, hint: Any) -> None:
    """Check that a type can be made from JSON.

    Args:
        tool: Name of the tool, for the message.
        argument: Name of the argument, for the message.
        hint: Its type.

    Raises:
        ToolDefinitionError: If it can't.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal or (origin is None and hint in PLAIN) or _is_enum(hint):
        return
    known = origin in (list, tuple, Union, types.UnionType) or (origin is dict and inner[0] is str)
    if not known or ... in inner or inner == ((),):
        name = hint.__name__ if isinstance(hint, type) and origin is None else str(hint)
        raise ToolDefinitionError(
            f"the argument {argument} of the tool {tool} has the type {name}, which can't be made "
            f"from JSON. Use {ALLOWED}, and convert inside of the function."
        )
    for inner_hint in inner:
        check_hint(tool, argument, inner_hint)


def describable(hint: Any) -> Any:
    """Return a type hint that every release of `transformers` can describe.

    An enum becomes its values, a bare tuple a list of anything. Older releases call both objects.

    Example:
        >>> class Unit(enum.Enum):
        ...     CELSIUS = "C"
        ...     KELVIN = "K"
        >>> describable(list[Unit])
        list[typing.Literal['C', 'K']]
    """
    if _is_enum(hint):
        return Literal[tuple(member.value for member in hint)]
    if hint in (tuple, list):
        return list[Any]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is None or origin is Literal or not inner:
        return hint
    changed = tuple(map(describable, inner))
    if origin in (Union, types.UnionType):
        return Union[changed]  # noqa: UP007 - a tuple of types, known at run time only
    return origin[changed if len(changed) > 1 else changed[0]]


def tighten(schema: Any) -> Any:
    """Return a JSON Schema in which a tuple has its length, and a type is named once."""
    if isinstance(schema, list):
        return [tighten(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: tighten(part) for key, part in schema.items()}
    if "prefixItems" in schema:
        length = len(schema["prefixItems"])
        schema |= {"items": False, "minItems": length, "maxItems": length}
    if isinstance(schema.get("type"), list):
        kinds = list(dict.fromkeys(schema["type"]))
        schema["type"] = kinds if len(kinds) > 1 else kinds[0]
    return schema


def convert(value: Any, hint: Any) -> Any:
    """Return a JSON value in the type of a hint.

    Args:
        value: What a model wrote, valid for the schema of the hint.
        hint: A type that `check_hint` has passed.

    Raises:
        Unfit: If it is not of this type.

    Example:
        >>> convert([1, 2], tuple[int, float])
        (1, 2.0)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _first_fitting(value, inner)
    if _is_enum(hint):
        return _only([option for option in hint if _same(option.value, value)])
    if origin is Literal:
        return _only([choice for choice in inner if _same(choice, value)])
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = list if (origin or hint) is tuple else origin or hint
    if kind is not Any and type(value) is not (type(None) if kind is None else kind):
        raise Unfit
    if (origin or hint) is tuple:
        if inner and len(inner) != len(value):
            raise Unfit
        return tuple(map(convert, value, inner)) if inner else tuple(value)
    if origin is list:
        return [convert(item, inner[0]) for item in value]
    if origin is dict:
        return {key: convert(member, inner[1]) for key, member in value.items()}
    return value


def convert_all(arguments: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in the types of their hints; as they are where there is none."""
    return {
        name: convert(value, hints[name]) if name in hints else value
        for name, value in arguments.items()
    }


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _only(matches: list[Any]) -> Any:
    if not matches:
        raise Unfit
    return matches[0]


def _first_fitting(value: Any, hints: tuple[Any, ...]) -> Any:
    for hint in sorted(hints, key=lambda option: option is float):  # float | int: 5 stays an int
        try:
            return convert(value, hint)
        except Unfit:
            continue
    raise Unfit
