"""Source code of the catalog's functions as text: whole, as a stub, with a bug; its imports."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from companion.exercises.attempts import NOT_ATTEMPTED


def code(thing: Callable[..., Any]) -> str:
    """Return the source of a function or class, dedented, without its decorators.

    Example:
        >>> code(body).splitlines()[0]
        'def body(function: Callable[..., Any]) -> str:'
    """
    text = textwrap.dedent(inspect.getsource(thing)).strip()
    if not text.startswith("@"):
        return text
    return "\n".join(text.splitlines()[ast.parse(text).body[0].lineno - 1 :])


def _statements(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return what follows the docstring."""
    return function.body[1 if ast.get_docstring(function) is not None else 0 :]


def body(function: Callable[..., Any]) -> str:
    """Return the source of a function's body, without its docstring."""
    text = code(function)
    first = _statements(ast.parse(text).body[0])[0]
    return textwrap.dedent("\n".join(text.splitlines()[first.lineno - 1 :]))


def assigned(function: Callable[..., Any], name: str) -> str:
    """Return the source of a function's body with ``name = `` where it returns a value.

    Raises:
        ValueError: If the function does not end in a ``return``.

    Example:
        >>> assigned(_statements, "found")
        'found = function.body[1 if ast.get_docstring(function) is not None else 0 :]'
    """
    lines = body(function).splitlines()
    last = ast.parse("def function():\n" + textwrap.indent("\n".join(lines), " ")).body[0].body[-1]
    if not isinstance(last, ast.Return):
        raise ValueError(f"{name}: the function that computes it should end in a return")
    at = last.lineno - 2
    lines[at] = lines[at].replace("return", f"{name} =", 1)
    return "\n".join(lines)


def started(solution: Callable[..., Any], start: Callable[..., Any]) -> str:
    """Return the signature and docstring of one function with the body of another."""
    text = code(solution)
    docstring = ast.parse(text).body[0].body[0]
    head = "\n".join(text.splitlines()[: docstring.end_lineno])
    return f"{head}\n{textwrap.indent(body(start), '    ')}"


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
        statements = _statements(function)
        indent = " " * function.body[0].col_offset
        todo = f'{indent}raise NotImplementedError("{exercise_id}: {NOT_ATTEMPTED}")'
        start = statements[0].lineno - 1 if statements else function.end_lineno
        lines[start : function.end_lineno] = [todo]
    return "\n".join(lines)


@cache
def imported(thing: Callable[..., Any]) -> tuple[str, ...]:
    """Return the modules that a function or class names, of those that its own module imports.

    Example:
        >>> imported(stub)
        ('ast',)
    """
    used = {node.id for node in ast.walk(ast.parse(code(thing))) if isinstance(node, ast.Name)}
    module = ast.parse(inspect.getsource(sys.modules[thing.__module__]))
    imports = [
        alias for node in module.body if isinstance(node, ast.Import) for alias in node.names
    ]
    return tuple(name.name for name in imports if (name.asname or name.name.split(".")[0]) in used)


def prose(text: str) -> str:
    r"""Return paragraphs of text, the lines of each joined to one.

    Example:
        >>> prose('''
        ...     Written in
        ...     a margin.
        ...
        ...     Twice.
        ... ''')
        'Written in a margin.\n\nTwice.'
    """
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
