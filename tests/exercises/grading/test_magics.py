"""IPython's own syntax as plain Python."""

import json

import pytest

from companion.exercises.grading.cells import read_cells
from companion.exercises.grading.magics import plain_python


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "",
        "def f(:",
        "x = '''\n%time\n'''",
        "a = (1\n% 2)\n",
        "'really?'",
        "# %%time\nx = 1",
    ],
)
def test_what_is_python_or_nothing_at_all_stays_as_it_is(source):
    assert plain_python(source).rstrip("\n") == source.rstrip("\n")


def test_the_body_of_a_magic_is_run_statement_by_statement():
    text = plain_python("%%capture out\n%%time\nx = 1\n!ls\n%cd y")

    assert text.splitlines() == [
        "x = 1",
        "get_ipython().system('ls')",
        "get_ipython().run_line_magic('cd', 'y')",
        "out = get_ipython().captured()",
    ]
    assert "run_cell_magic('timeit'" in plain_python("%%timeit -n 3\nx = 1\n!ls")
    deep = "%%time\n" * 1000 + "x = 1"
    assert read_cells(
        "a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": deep}]}).encode()
    )
