"""Source code of the catalog's functions as text: whole, as a stub, or under another name."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

NOT_ATTEMPTED = "your code goes here"


def code(thing: Callable[..., Any]) -> str:
    """Return the source of a function or class, dedented.

    Example:
        >>> code(body).splitlines()[0]
        'def body(function: Callable[[], None]) -> str:'
    """
    return textwrap.dedent(inspect.getsource(thing)).strip()


def body(function: Callable[[], None]) -> str:
    """Return the source of a function's body, without its docstring."""
    text = code(function)
    tree = ast.parse(text).body[0]
    first = tree.body[1 if ast.get_docstring(tree) is not None else 0]
    return textwrap.dedent("\n".join(text.splitlines()[first.lineno - 1 :]))


def renamed(function: Callable[..., Any], name: str) -> str:
    """Return the source of a function under another name."""
    return code(function).replace(f"def {function.__name__}(", f"def {name}(", 1)


def stub(solution: Callable[..., Any], exercise_id: str, keep: tuple[str, ...] = ()) -> str:
    """Return a function or class whose bodies are to be written.

    Args:
        solution: The solution; signatures and docstrings are kept.
        exercise_id: Stands in the error that an untouched stub raises.
        keep: Names of methods that stay as they are.
    """
    lines = code(solution).splitlines()
    tree = ast.parse("\n".join(lines)).body[0]
    functions = [tree] if isinstance(tree, ast.FunctionDef) else tree.body
    for function in reversed(functions):
        if not isinstance(function, ast.FunctionDef) or function.name in keep:
            continue
        statements = function.body[1 if ast.get_docstring(function) is not None else 0 :]
        indent = " " * function.body[0].col_offset
        todo = f'{indent}raise NotImplementedError("{exercise_id}: {NOT_ATTEMPTED}")'
        start = statements[0].lineno - 1 if statements else function.end_lineno
        lines[start : function.end_lineno] = [todo]
    return "\n".join(lines)
