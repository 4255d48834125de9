"""What a notebook remembers of its own cells, as in Jupyter: ``_``, ``Out``, ``In`` and others."""

import ast


class History:
    """Inputs and outputs by number of the cell that was run.

    Args:
        space: The names of the notebook, where the history is to be found.

    Example:
        >>> space = {}
        >>> history = History(space)
        >>> history.begin("2 + 3")
        >>> history.end(5)
        >>> space["_"], space["Out"], space["In"]
        (5, {1: 5}, ['', '2 + 3'])
    """

    def __init__(self, space: dict) -> None:
        self._space = space
        self._inputs, self._outputs = [""], {}
        self._last = ["", "", ""]
        space.update(In=self._inputs, _ih=self._inputs, Out=self._outputs, _oh=self._outputs)
        space.update({"_" * number: "" for number in (1, 2, 3)}, _i="", _ii="", _iii="")

    def begin(self, source: str) -> None:
        """Take in the code of a cell before it runs; an empty one does not count."""
        if not source.strip():
            return
        past = [*reversed(self._inputs[1:]), "", "", ""]
        self._space.update(_i=past[0], _ii=past[1], _iii=past[2])
        self._inputs.append(source)
        self._space[f"_i{len(self._inputs) - 1}"] = source

    def end(self, value: object) -> None:
        """Take in the value of a cell's last expression; None leaves things as they are."""
        if value is None or value is self._outputs:
            return
        names = ("_", "__", "___")
        if all(self._space.get(n) is last for n, last in zip(names, self._last, strict=True)):
            self._last = [value, *self._last[:2]]  # else the notebook uses the names itself
            self._space.update(zip(names, self._last, strict=True))
        number = len(self._inputs) - 1
        self._outputs[number] = self._space[f"_{number}"] = value


def shown(statement: ast.stmt, source: str) -> bool:
    """Say if Jupyter shows the value of a cell's last statement: an expression without ``;``.

    Example:
        >>> [shown(ast.parse(code).body[-1], code) for code in ("x", "x ;  # quiet", "x = 1")]
        [True, False, False]
    """
    if not isinstance(statement, ast.Expr):
        return False
    lines = source.encode().split(b"\n")
    rest = lines[statement.end_lineno - 1][statement.end_col_offset :]
    return not rest.lstrip().startswith(b";")
