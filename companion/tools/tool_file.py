"""A tool from a Python file: ``FILE.py:function``, as somebody types it who has written the file.

Nothing is checked but the form: the file is run, with all that it does, and so is the function when
a model calls it. It is the user's own code, on the user's own request. Taught in
:doc:`/book/applications/chatbot`.
"""

import ast
import importlib.util
import sys
import traceback
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from companion.errors import ToolDefinitionError
from companion.tools.tool import Tool


def tool_from_file(place: str) -> Tool:
    """Make a tool of a function in a Python file. This runs the file.

    Args:
        place: The file and the name of the function, with a colon between them. The name may also
            stand for a `Tool`, which is taken as it is.

    Returns:
        The tool. One made from a function needs approval: what it does is not known here.

    Raises:
        ToolDefinitionError: If there is no such file or function, if the file fails, or if no tool
            can be made from the function.
    """
    file, colon, name = place.rpartition(":")
    if not colon or name.endswith(".py"):
        raise ToolDefinitionError(
            f"say which function of {place} is the tool, as in {place}:{_first(place)}"
        )
    module = _run(Path(file).expanduser().resolve())
    if not hasattr(module, name):
        raise ToolDefinitionError(f"{file} has no {name!r}; {_offer(Path(file).expanduser())}")
    value = getattr(module, name)
    return value if isinstance(value, Tool) else Tool.from_function(value, needs_approval=True)


@cache
def _run(path: Path) -> ModuleType:
    """Run a file once, as a module that can import its neighbors."""
    name = f"companion_tools_of_{path.stem}_{abs(hash(path))}"
    loader = SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module  # type hints and dataclasses are looked up there
    sys.path.append(str(path.parent))
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the file does, the chat says so in words
        del sys.modules[name]
        if isinstance(error, OSError) and error.filename == str(path):
            raise ToolDefinitionError(f"can't read {path}: {error.strerror}") from error
        raise ToolDefinitionError(f"{_where(path, error)} fails: {_said(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _where(path: Path, error: BaseException) -> str:
    """Name the file, and the line of it where an error came up."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (lines or [0])[-1]
    return f"{path}, line {line}," if line else str(path)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def functions(path: Path) -> list[str]:
    """Return the names of the public functions of a file, without running it.

    Returns:
        The names in the order of the file; none if it can't be read.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def _first(file: str) -> str:
    return (functions(Path(file).expanduser()) or ["function"])[0]


def _offer(path: Path) -> str:
    names = functions(path)
    return f"it has {', '.join(names[:8])}" if names else "it has no public function"
