"""The student's notebook session inside the sandbox: one name space for all cells.

As in Jupyter, the name space is the module ``__main__``, so functions can be pickled; ``from
__future__`` holds for what follows; ``await`` works at the top; a cell's source can be inspected.
Unlike there, the statements of a cell run one by one, and one that fails does not take the rest
along. Code of a notebook runs while an event loop does, so that tasks can be made anywhere; they go
on between cells.
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
_BETWEEN = 0.1  # seconds that tasks get between two cells
_SHORT = 1.0  # seconds for a text that takes no time, unless a submission wants it to


class Notebook:
    """Runs the cells of a submission, as a notebook does.

    Args:
        folder: The submission's folder: the working folder, and the first one to import from.
        attempts: The module that interrupts what takes too long.
        history: The module that keeps what a notebook remembers of its cells.
        seconds: Time for one statement.
    """

    def __init__(
        self, folder: str, attempts: types.ModuleType, history: types.ModuleType, seconds: float
    ) -> None:
        self.folder, self.attempts, self.seconds = folder, attempts, seconds
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        self._worker = sys.modules["__main__"]  # kept alive: its functions are still running
        sys.modules["__main__"] = self.module
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._file, self._cells = "", 0
        self._loop: _Loop | None = None
        self._budget = None
        self._shown, self._history = history.shown, history.History(self.space)

    def begin(self, budget: object) -> None:
        """Start the clock for all cells together."""
        self._budget = budget

    @property
    def space(self) -> dict:
        """The names of the notebook."""
        return self.module.__dict__

    def run_cell(self, cell: dict) -> list[str]:
        """Run a cell, statement by statement.

        Args:
            cell: ``source``, ``file``, and whether that is a ``script``.

        Returns:
            What went wrong, as text.
        """
        self._cells += 1
        name, source = f"<cell {self._cells}>", cell["source"]
        self._enter(cell["file"], cell["script"])
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)  # for inspect.getsource
        try:
            statements = _single(ast.parse(source, name).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            text = getattr(error, "msg", "") or str(error)
            line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
            return [f"the whole cell: {type(error).__name__}: {text}{line}"]
        self._history.begin(source)
        value, errors = None, []
        for statement in statements:
            left = min(self.seconds, self._budget.left())
            if left <= 0:
                errors.append(f"line {statement.lineno}: not run, the time for all cells was over")
                break
            run = self._run if cell["script"] else self._run_in_loop
            most = self._budget.most_left()
            value, error = self.attempts.within(left, run, statement, name, most=most)
            if error is not None:
                errors.append(f"line {statement.lineno}: {self._describe(error, left)}")
        if statements and self._shown(statements[-1], source):
            self._history.end(value)
        self.attempts.within(_SHORT, self._go_on)
        return errors[:_MOST_ERRORS]

    def _describe(self, error: BaseException, seconds: float) -> str:
        if issubclass(type(error), self.attempts.TimeIsUp):
            return f"stopped after {seconds:.3g} s"
        text, _ = self.attempts.within(_SHORT, self.attempts.error_text, error)
        return text or self.attempts.name_of(type(error))

    def _enter(self, file: str, script: bool) -> None:
        """Begin a file: its folder is where relative paths and imports start."""
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

    def _run(self, statement: ast.stmt, name: str) -> object:
        """Run a statement; returns the value of an expression."""
        if isinstance(statement, ast.Expr):
            tree, mode = ast.Expression(statement.value), "eval"
        else:
            tree, mode = ast.Module([statement], []), "exec"
        code = compile(tree, name, mode, flags=self._flags, dont_inherit=True)
        self._flags |= code.co_flags & _FUTURE
        value = types.FunctionType(code, self.space)()
        return self._await(value) if code.co_flags & inspect.CO_COROUTINE else value

    def _run_in_loop(self, statement: ast.stmt, name: str) -> object:
        """Run a statement of a notebook: in Jupyter, an event loop is running around it."""
        asyncio.set_event_loop(self._open_loop())
        asyncio._set_running_loop(self._loop)
        try:
            return self._run(statement, name)
        finally:
            asyncio._set_running_loop(None)

    def _open_loop(self) -> "_Loop":
        if self._loop is None:
            self._loop = _Loop()
        return self._loop

    def _await(self, coroutine: object) -> object:
        loop = self._open_loop()
        asyncio._set_running_loop(None)
        return loop.run_until_complete(coroutine)

    def _go_on(self) -> None:
        """Let the tasks that cells have made go on for a moment."""
        if self._loop is not None and (tasks := asyncio.all_tasks(self._loop)):
            self._await(asyncio.wait(tasks, timeout=_BETWEEN))


def _single(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Make a statement of each name that is imported: one that is missing loses no other."""
    singles: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Import):
            parts = [ast.Import([name]) for name in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            parts = [
                ast.ImportFrom(statement.module, [name], statement.level)
                for name in statement.names
            ]
        else:
            parts = [statement]
        singles += [ast.copy_location(part, statement) for part in parts]
    return singles


class _Loop(asyncio.SelectorEventLoop):
    """An event loop for one thread: without the pair of sockets that lets others wake it."""

    _csock = None

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass
