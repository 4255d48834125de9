"""Tools from functions, and the errors of functions that can't be one."""

import enum
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Literal

import pytest
import torch

from companion.errors import ToolDefinitionError
from companion.tools import Tool, Toolbox, ToolCall
from companion.tools.tool import shown_by


class Unit(enum.Enum):
    CELSIUS = "C"
    KELVIN = "K"


def forecast(
    city: str, days: int = 1, unit: Literal["C", "F"] = "C", height: float | None = None
) -> dict:
    """Forecast the weather
    of a city.

    A paragraph for people.

    Args:
        city: Name of the city.
        days: Days ahead.
        unit: Unit of the temperature.
        height: Height above the sea
            in meters.
    """
    return {"city": city, "days": days, "unit": unit, "height": height}


def test_the_schema_is_that_of_the_signature() -> None:
    tool = Tool.from_function(forecast)

    assert tool.name == "forecast"
    assert tool.description == "Forecast the weather of a city."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name of the city."},
            "days": {"type": "integer", "description": "Days ahead."},
            "unit": {
                "type": "string",
                "enum": ["C", "F"],
                "description": "Unit of the temperature.",
            },
            "height": {
                "type": ["number", "null"],
                "description": "Height above the sea in meters.",
            },
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_name_and_description_can_be_given() -> None:
    tool = Tool.from_function(forecast, name="look_ahead", description="Look ahead.")

    assert (tool.name, tool.description) == ("look_ahead", "Look ahead.")


def test_null_is_allowed_where_the_type_says_so() -> None:
    def f(a: int | None, b: Literal["x"] | None, c: list[int] | str | None, d: list[int | None]):
        """Do it.

        Args:
            a: A.
            b: B.
            c: C.
            d: D.
        """
        return [a, b, c, d]

    toolbox = Toolbox([f])

    for arguments in (
        {"a": None, "b": None, "c": None, "d": [None]},
        {"a": 1, "b": "x", "c": [1], "d": []},
    ):
        assert toolbox.run(ToolCall("f", arguments)).value == list(arguments.values())
    assert toolbox.check(ToolCall("f", {"a": "x", "b": None, "c": None, "d": []})) is not None
    assert toolbox.check(ToolCall("f", {"a": 1, "b": "y", "c": None, "d": []})) is not None


def test_an_enum_becomes_its_values() -> None:
    def f(unit: Unit) -> None:
        """Do it.

        Args:
            unit: A unit.
        """

    assert Tool.from_function(f).parameters["properties"]["unit"]["enum"] == ["C", "K"]


def test_strict_is_asked_for_only_where_every_argument_is_required() -> None:
    def f(x: int) -> None:
        """Do it.

        Args:
            x: X.
        """

    assert Tool.from_function(f).declaration()["function"]["strict"] is True
    assert "strict" not in Tool.from_function(forecast).declaration()["function"]


def test_the_short_declaration_has_names_and_types() -> None:
    assert Tool.from_function(forecast).short_declaration() == {
        "name": "forecast",
        "parameters": {
            "city": "string",
            "days": "integer",
            "unit": "string",
            "height": "number or null",
        },
    }


def test_a_method_is_a_tool_without_self() -> None:
    class Counter:
        total = 0

        def add(self, n: int) -> int:
            """Add to the counter.

            Args:
                n: How much.
            """
            self.total += n
            return self.total

    tool = Tool.from_function(Counter().add)

    assert list(tool.parameters["properties"]) == ["n"]
    assert Toolbox([tool]).run(ToolCall("add", {"n": 3})).value == 3


def no_docstring(x: int) -> int:
    return x


def no_type(x) -> int:
    """Do it.

    Args:
        x: X.
    """
    return x


def undescribed(x: int, y: int) -> int:
    """Do it.

    Args:
        x: X.
    """
    return x + y


def several(*x: int) -> int:
    """Do it.

    Args:
        x: X.
    """
    return sum(x)


def keywords(**x: int) -> int:
    """Do it.

    Args:
        x: X.
    """
    return len(x)


def positional(x: int, /) -> int:
    """Do it.

    Args:
        x: X.
    """
    return x


def tensor(x: torch.Tensor) -> None:
    """Do it.

    Args:
        x: X.
    """


def custom(x: ToolCall) -> None:
    """Do it.

    Args:
        x: X.
    """


def test_a_default_stays_what_it_is() -> None:
    def f(unit: Unit = Unit.KELVIN) -> str:
        """Do it.

        Args:
            unit: A unit.
        """
        return unit.name

    toolbox = Toolbox([f])

    assert toolbox.run(ToolCall("f")).value == "KELVIN"
    assert toolbox.run(ToolCall("f", {"unit": "C"})).value == "CELSIUS"


async def later(x: int) -> int:
    """Do it.

    Args:
        x: X.
    """
    return x


async def streaming(x: int) -> AsyncIterator[int]:
    """Do it.

    Args:
        x: X.
    """
    yield x


@pytest.mark.parametrize("function", [later, streaming])
def test_an_async_function_is_refused(function: object) -> None:
    with pytest.raises(ToolDefinitionError, match="is an async function, and nothing here awaits"):
        Tool.from_function(function)


def unknown(x: "Nowhere") -> None:  # noqa: F821
    """Do it.

    Args:
        x: X.
    """


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (no_docstring, "the tool no_docstring does not tell what a model needs.*docstring"),
        (no_type, "Argument x is missing a type hint"),
        (undescribed, "no description for the argument 'y'"),
        (several, r"takes \*x: int: a model needs to know every argument"),
        (keywords, r"takes \*\*x: int: a model needs"),
        (positional, "argument x of the tool positional can't be given by name"),
        (tensor, "argument x of the tool tensor has the type Tensor, which can't be made"),
        (custom, "argument x of the tool custom has the type ToolCall, which can't be made"),
        (unknown, "type hint of the tool unknown is unknown: name 'Nowhere'"),
        (lambda: None, "'<lambda>' is no name for a tool"),
    ],
)
def test_a_function_that_is_no_tool_is_refused(function: object, problem: str) -> None:
    with pytest.raises(ToolDefinitionError, match=f"(?s){problem}"):
        Tool.from_function(function)


def test_what_can_not_be_called_is_no_tool() -> None:
    with pytest.raises(ToolDefinitionError, match="made from a function, got 3"):
        Tool.from_function(3, name="three")


@pytest.mark.parametrize("name", ["", "a b", "1a", "a" * 65, "a.b", "f\n", "<|end|>"])
def test_a_name_that_no_endpoint_takes_is_refused(name: str) -> None:
    with pytest.raises(ToolDefinitionError, match="is no name for a tool"):
        Tool.from_function(forecast, name=name)


def test_an_empty_description_is_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="empty description"):
        Tool.from_function(forecast, description=" ")


class Adder:
    """Adds.

    Args:
        x: A number.
    """

    def __init__(self, x: int = 0) -> None:
        self.x = x

    def __call__(self, x: int) -> int:
        return self.x + x

    def add(self, x: int) -> int:
        """Add a number.

        Args:
            x: A number.
        """
        return self.x + x


@pytest.mark.parametrize(
    "odd", ["f", None, partial(forecast, days=2), partial(later, x=1), Adder(), Adder]
)
@pytest.mark.parametrize("name", [None, "named"])
def test_what_is_no_function_is_refused_in_words(odd: object, name: str | None) -> None:
    with pytest.raises(ToolDefinitionError, match=r"made from a function, got .* Write a function"):
        Tool.from_function(odd, name=name)


def test_a_method_is_a_function() -> None:
    toolbox = Toolbox([Adder(40).add])

    assert toolbox.run(ToolCall("add", {"x": 2})).value == 42


def test_a_generator_is_refused() -> None:
    def numbers(x: int) -> Iterator[int]:
        """Count.

        Args:
            x: How far.
        """
        yield x

    with pytest.raises(ToolDefinitionError, match="yields values: let it return a list"):
        Tool.from_function(numbers)


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_a_coroutine_that_was_not_declared_is_named_and_closed(timeout: float | None) -> None:
    def hidden(x: int) -> object:
        """Wait.

        Args:
            x: How long.
        """
        return later(x)

    result = Toolbox([hidden], timeout=timeout).run(ToolCall("hidden", {"x": 1}))

    assert result.outcome == "failed"
    assert "nothing here awaits it" in str(result.exception)


def test_examples_are_kept_and_reach_the_tool_from_the_function() -> None:
    @shown_by(("Weather in Rome?", {"city": "Rome"}))
    def weather(city: str) -> str:
        """Get the weather.

        Args:
            city: Name of the city.
        """
        return city

    assert Tool.from_function(weather).examples == (("Weather in Rome?", {"city": "Rome"}),)
    assert Tool.from_function(weather, examples=[]).examples == ()
    assert weather("Rome") == "Rome"


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (("Weather?", {"town": "Rome"}), "'Weather\\?' of the tool weather does not fit it"),
        (("Weather?", {"city": 5}), "5 is not of type 'string'"),
        (("  ", {"city": "Rome"}), "has no request"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(example: tuple, words: str) -> None:
    def weather(city: str) -> str:
        """Get the weather.

        Args:
            city: Name of the city.
        """
        return city

    with pytest.raises(ToolDefinitionError, match=words):
        Tool.from_function(weather, examples=[example])
