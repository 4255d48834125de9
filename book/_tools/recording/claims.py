"""An assert of a notebook is written down, and the notebook goes on.

`carry_over` loads this as an extension of IPython into a kernel; the code under test has no switch
for it. Each cell's ``assert`` statements are put into a ``with`` block that notes whether they
held. What else raises, raises.

The environment variable BOOK_CLAIMS names the file that gets a line of JSON for each assert that
was reached: number of the cell among those run, line in it, source, and whether it held.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "__claim__"


class Recorder(ast.NodeTransformer):
    """Puts each assert of a cell into ``with __claim__(cell, line, source):``."""

    cell = 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Take the next cell."""
        self.cell += 1
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.With:
        """Wrap one assert."""
        place = (self.cell, node.lineno, ast.unparse(node))
        call = ast.Call(ast.Name(NAME, ast.Load()), [ast.Constant(part) for part in place], [])
        wrapped = ast.With([ast.withitem(call)], [node])
        return ast.fix_missing_locations(ast.copy_location(wrapped, node))


@contextmanager
def claim(cell: int, line: int, source: str) -> Iterator[None]:
    """Note whether the assert in the block held, and go on either way."""
    held = False
    try:
        yield
        held = True
    except AssertionError:
        pass
    finally:
        entry = {"cell": cell, "line": line, "source": source, "held": held}
        with open(os.environ["BOOK_CLAIMS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def load_ipython_extension(shell: Any) -> None:
    """Begin to record."""
    shell.user_ns[NAME] = claim
    shell.ast_transformers.append(Recorder())
