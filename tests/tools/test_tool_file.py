"""Tools from Python files of the user's own."""

from pathlib import Path

import pytest

from companion.errors import ToolDefinitionError
from companion.tools import Toolbox, ToolCall
from companion.tools.tool_file import functions, tool_from_file

FILE = '''
import neighbor
from dataclasses import dataclass
from typing import Literal
from companion.tools import Tool

ran = []

@dataclass
class Die:
    sides: int

def roll(sides: int, kind: Literal["fair", "loaded"] = "fair") -> str:
    """Roll a die.

    Args:
        sides: How many.
        kind: Which one.
    """
    return f"{neighbor.WORD} {Die(sides).sides} {kind}"

def _hidden(): ...

def untyped(x):
    """Do it."""

harmless = Tool.from_function(roll, name="harmless")
number = 3
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbor.py").write_text("WORD = 'rolled'\n")
    path = tmp_path / "my tools.py"
    path.write_text(FILE)
    return path


def test_a_function_becomes_a_tool_that_needs_approval(file: Path) -> None:
    tool = tool_from_file(f"{file}:roll")

    assert (tool.name, tool.description, tool.needs_approval) == ("roll", "Roll a die.", True)
    result = Toolbox([tool]).run(ToolCall("roll", {"sides": 6, "kind": "loaded"}))
    assert result.value == "rolled 6 loaded"


def test_a_tool_is_taken_as_it_is(file: Path) -> None:
    assert tool_from_file(f"{file}:harmless").needs_approval is False


def test_a_file_is_run_once(tmp_path: Path) -> None:
    path = tmp_path / "counting.py"
    path.write_text(
        f"with open({str(tmp_path / 'runs')!r}, 'a') as runs: runs.write('x')\n"
        "def one() -> int:\n    '''Give one.'''\n    return 1\n"
        "def two() -> int:\n    '''Give two.'''\n    return 2\n"
    )

    tool_from_file(f"{path}:one")
    tool_from_file(f"{path}:two")

    assert (tmp_path / "runs").read_text() == "x"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (":nothing", "my tools.py has no 'nothing'; it has roll, untyped"),
        ("", "say which function of .*my tools.py is the tool, as in .*my tools.py:roll"),
        (":number", "a tool is made from a function, got 3"),
        (":untyped", "has a type hint for every argument"),
        (":Die", "a tool is made from a function"),
    ],
)
def test_what_is_no_tool_is_named(file: Path, name: str, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=said):
        tool_from_file(f"{file}{name}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = 1 / 0\n", r"bad\.py, line 2, fails: ZeroDivisionError"),
        ("def f(:\n", r"bad\.py, line 1, fails: SyntaxError"),
        ("import sys\nsys.exit('bye')\n", r"bad\.py, line 2, fails: SystemExit: bye"),
        ("import no_such_module_here\n", r"line 1, fails: ModuleNotFoundError"),
        ("open('/no/such')\n", r"line 1, fails: FileNotFoundError"),
        ("\0", r"bad\.py.* fails: "),
    ],
)
def test_a_file_that_fails_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(text)

    with pytest.raises(ToolDefinitionError, match=said):
        tool_from_file(f"{tmp_path}/bad.py:f")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolDefinitionError, match=r"can't read .*none\.py: No such file"):
        tool_from_file(f"{tmp_path}/none.py:f")
    with pytest.raises(ToolDefinitionError, match=r"as in none\.py:function"):
        tool_from_file("none.py")
    assert functions(tmp_path / "none.py") == []
