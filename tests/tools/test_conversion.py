"""From JSON to the types that a function asks for."""

import dataclasses
import datetime
import enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, TypedDict

import pytest

from companion.errors import ToolDefinitionError
from companion.tools import Tool, Toolbox, ToolCall
from companion.tools.conversion import tighten


class Unit(enum.Enum):
    CELSIUS = "C"
    KELVIN = "K"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: int
    y: int


class Options(TypedDict):
    deep: bool


@dataclasses.dataclass
class Place:
    name: str


def tool_of(hint: Any) -> Any:
    def f(x) -> str:
        """Do it.

        Args:
            x: X.
        """
        got.append(x)
        return "done"

    got: list[Any] = []
    f.__annotations__["x"] = hint
    f.got = got
    return f


@pytest.mark.parametrize(
    ("hint", "given", "wanted"),
    [
        (Unit, "K", Unit.KELVIN),
        (Level, 2, Level.HIGH),
        (Unit | None, "C", Unit.CELSIUS),
        (Unit | None, None, None),
        (Optional[Level], 1, Level.LOW),  # noqa: UP045
        (list[Unit], ["K", "C"], [Unit.KELVIN, Unit.CELSIUS]),
        (dict[str, Unit], {"a": "K"}, {"a": Unit.KELVIN}),
        (Unit | str, "K", Unit.KELVIN),
        (Unit | str, "other", "other"),
        (Level | int, 2, Level.HIGH),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple, [1, "a"], (1, "a")),
        (tuple[float, tuple[Unit, int]], [1, ["K", 2]], (1.0, (Unit.KELVIN, 2))),
        (list[tuple[int, int]] | None, [[1, 2], [3, 4]], [(1, 2), (3, 4)]),
        (float, 5, 5.0),
        (float | int, 5, 5),
        (float | str, 5, 5.0),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (Literal[1, "a"], "a", "a"),
        (Literal["x"] | None, None, None),
        (dict, {"a": [1]}, {"a": [1]}),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (Any, [1, {"a": None}], [1, {"a": None}]),
        (bool | str, True, True),
    ],
)
def test_a_function_gets_what_its_hint_says(hint: Any, given: object, wanted: object) -> None:
    function = tool_of(hint)

    result = Toolbox([function]).run(ToolCall("f", {"x": given}))

    assert result.outcome == "ok", result.error
    assert function.got == [wanted]
    assert repr(function.got) == repr([wanted])  # 5 is not 5.0, nor a member its value


@pytest.mark.parametrize(
    ("hint", "given"),
    [
        (Unit, "R"),
        (Unit, "KELVIN"),
        (Level, True),
        (Level, "1"),
        (tuple[int, str], [1]),
        (tuple[int, str], [1, "a", 2]),
        (tuple[int, str], ["a", 1]),
        (list[Unit], ["K", "R"]),
        (dict[str, int], {"a": "1"}),
        (Unit | None, "None"),
    ],
)
def test_what_does_not_fit_a_hint_is_no_argument(hint: Any, given: object) -> None:
    function = tool_of(hint)

    assert Toolbox([function]).run(ToolCall("f", {"x": given})).outcome == "bad arguments"
    assert function.got == []


@pytest.mark.parametrize(
    ("hint", "named"),
    [
        (datetime.date, "date"),
        (Path, "Path"),
        (Place, "Place"),
        (Point, "Point"),
        (Options, "Options"),
        (set[str], r"set\[str\]"),
        (frozenset, "frozenset"),
        (bytes, "bytes"),
        (complex, "complex"),
        (dict[int, str], r"dict\[int, str\]"),
        (tuple[int, ...], r"tuple\[int, \.\.\.\]"),
        (list[Place], "Place"),
        (dict[str, datetime.date | None], "date"),
    ],
)
def test_a_hint_that_json_can_not_carry_is_refused(hint: Any, named: str) -> None:
    problem = f"argument x of the tool f has the type {named}, which can't be made from JSON. Use"

    with pytest.raises(ToolDefinitionError, match=problem) as caught:
        Tool.from_function(tool_of(hint))
    assert len(str(caught.value)) < 300


def test_a_type_that_is_named_twice_is_named_once() -> None:
    assert tighten({"type": ["string", "string"]}) == {"type": "string"}
    assert tighten({"type": ["string", "null", "string"]}) == {"type": ["string", "null"]}
