"""IPython's own syntax as plain Python: ``%time``, ``!ls``, ``%%capture``, ``f?``.

IPython turns each of them into a call of ``get_ipython()``; so does this, with IPython's own code.
Nothing runs here. What the calls do while grading is said in `companion.exercises.grading.shell`.
"""

import ast
from functools import cache
from typing import Any

# Cell magics whose body is Python, run in the notebook's name space.
_RUN_THEIR_BODY = ("time", "timeit", "capture", "prun", "debug", "memit")
_DEEPEST = 20


def plain_python(source: str) -> str:
    r"""Return a cell as Python code.

    Args:
        source: The text of the cell.

    Returns:
        The same if it is Python already. The body of ``%%time`` and its like stands for itself,
        so that its statements are run one by one. Code that even IPython can't read comes back as
        it is.

    Example:
        >>> plain_python("%%time\nx = 1\n!ls")
        "x = 1\nget_ipython().system('ls')\n"
    """
    return _plain(source, 0)


def _plain(source: str, depth: int) -> str:
    if depth > _DEEPEST:
        return source
    text = source
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        text = _transformer().transform_cell(source)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return text
    lines = text.split("\n")
    for statement in reversed(tree.body):
        if call := _cell_magic(statement):
            name, options, body = call
            body = _plain(body, depth + 1).rstrip("\n")
            if name == "timeit":  # its names are not kept: see `shell`
                body = f"get_ipython().run_cell_magic({name!r}, {options!r}, {body!r})"
            elif name == "capture" and options.isidentifier():
                body += f"\n{options} = get_ipython().captured()"
            lines[statement.lineno - 1 : statement.end_lineno] = body.split("\n")
    return "\n".join(lines)


@cache
def _transformer() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def _cell_magic(statement: ast.stmt) -> tuple[str, str, str] | None:
    """Return name, options and body, if the statement is a cell magic that runs its body."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return None
    call = statement.value
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "run_cell_magic":
        return None
    values = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    if len(values) != 3 or not all(isinstance(value, str) for value in values):
        return None
    return tuple(values) if values[0] in _RUN_THEIR_BODY else None
