"""The code cells of notebooks and scripts as people hand them in."""

import pytest

from companion.exercises.grading.cells import kind
from tests.exercises.grading.notebooks import notebook, sources


@pytest.mark.parametrize(
    "comment",
    ["cat the lists", "ls", "mv it", "?why", "!careful", "%%writefile x", "f?", "%%time",
     "%matplotlib inline", "!pip install x", "rm all of it", "cd foo"],
)  # fmt: skip
def test_a_comment_in_a_percent_script_stays_one(comment):
    found, _ = sources("hw.py", f"# %%\n# {comment}\nx = 1\n\n# %%\ny = 2\n")

    assert found == [f"# {comment}\nx = 1", "y = 2"]


def test_a_magic_in_a_percent_script_that_is_no_comment_is_one():
    found, _ = sources("hw.py", "# %%\n%matplotlib inline\nx = 1\n")

    assert found == ["get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1\n"]


@pytest.mark.parametrize(
    "cell", ["  %%time\n  x = 1", "%%time\n  x = 1", "\n\n%%time\nx = 1", "\t%%time\n\tx = 1"]
)
def test_an_indented_cell_magic_that_ipython_reads_is_read(cell):
    found, _ = sources("hw.ipynb", notebook({"cell_type": "code", "source": cell}))

    assert "".join(found).strip() == "x = 1"


@pytest.mark.parametrize("cell", [" %%time\nx = 1", "  %%time\nx = 1\n  y = 2"])
def test_an_indented_cell_magic_that_ipython_refuses_is_refused(cell):
    found, _ = sources("hw.ipynb", notebook({"cell_type": "code", "source": cell}))

    with pytest.raises(IndentationError):
        compile(found[0], "cell", "exec")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.ipynb", ".ipynb"), ("A.PY", ".py"), ("a.ipynb.txt", ".ipynb"), ("a.py.download", ".py"),
     ("a.txt", ""), ("ipynb", ""), ("a.pyc", "")],
)  # fmt: skip
def test_the_kind_is_told_by_the_name(name, expected):
    assert kind(name) == expected
