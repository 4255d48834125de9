"""The student's notebook session inside the sandbox: one name space for all cells.

As in Jupyter, the name space is the module ``__main__``, so functions can be pickled; ``from
__future__`` holds for what follows; ``await`` works at the top; a cell's source can be inspected.
Unlike there, the statements of a cell run one by one, and one that fails does not take the rest
along.
"""

import __future__

import ast
import asyncio
import builtins
import inspect
import linecache
import os
import sys
import types

_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag
_MOST_ERRORS = 20


class Session:
    """Runs cells.

    Args:
        folder: The submission's folder: the working folder, and the first one to import from.
    """

    def __init__(self, folder: str) -> None:
        """Set up an empty ``__main__``."""
        self.folder = folder
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        self._worker = sys.modules["__main__"]  # kept alive: its functions are still running
        sys.modules["__main__"] = self.module
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._file = ""
        self._loop = None
        self._cells = 0

    @property
    def space(self) -> dict:
        """The names of the notebook."""
        return self.module.__dict__

    def enter(self, file: str, script: bool) -> None:
        """Begin a file: its folder is where relative paths and imports start.

        Args:
            file: Its path inside the submission.
            script: Whether it is a script; a notebook has no ``__file__``.
        """
        if file == self._file:
            return
        self._file = file
        path = os.path.join(self.folder, file)
        place = os.path.dirname(path)
        if os.path.isdir(place):
            os.chdir(place)
        for folder in (self.folder, place):
            if folder in sys.path:
                sys.path.remove(folder)
            sys.path.insert(0, folder)
        sys.argv = [path]
        self.space.pop("__file__", None)
        if script:
            self.space["__file__"] = path

    def statements(self, source: str) -> tuple[list[ast.stmt], str]:
        """Return the statements of a cell and the name under which its lines can be looked up.

        Raises:
            SyntaxError: If it is not Python.
        """
        self._cells += 1
        name = f"<cell {self._cells}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)
        return ast.parse(source, name).body, name

    def run(self, statement: ast.stmt, name: str) -> None:
        """Run one statement."""
        code = compile(
            ast.Module([statement], []), name, "exec", flags=self._flags, dont_inherit=True
        )
        self._flags |= code.co_flags & _FUTURE
        if code.co_flags & inspect.CO_COROUTINE:
            self._await(types.FunctionType(code, self.space)())
        else:
            exec(code, self.space)  # noqa: S102, running submissions is what this program is for

    def _await(self, coroutine: object) -> None:
        if self._loop is None:
            self._loop = _Loop()
        self._loop.run_until_complete(coroutine)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop for one thread: without the pair of sockets that lets others wake it."""

    _csock = None

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass
