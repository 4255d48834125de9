"""The code in a notebook's file, however old or damaged."""

import json

import pytest

from companion.exercises.grading.cells import read_cells
from tests.exercises.grading.notebooks import CODE, notebook, sources


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (None, "no cell but null"),
        ("x = 2", "no cell but a text"),
        ([CODE], "no cell but a list"),
        ({"source": "x = 2"}, "does not say whether it is code"),
        ({"cell_type": "code", "source": {"x": 2}}, "its code is no text"),
        ({"cell_type": "code", "source": ["x = 2\n", None]}, "its code is no text"),
    ],
)
def test_a_damaged_cell_is_named_and_the_others_count(damaged, reason):
    found, notes = sources("hw.ipynb", notebook(CODE, damaged, CODE))

    assert found == ["x = 1", "x = 1"]
    (note,) = notes
    assert note.startswith("hw.ipynb, cell 2 of 3, text cells counted, is damaged")
    assert reason in note


@pytest.mark.parametrize("version", [2, 3])
def test_a_damaged_cell_of_an_old_format_is_named_and_the_others_count(version):
    fine = {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": None}
    odd = {"cell_type": "code", "input": {"x": 2}, "outputs": []}
    found, notes = sources("hw.ipynb", notebook(fine, odd, {}, fine, version=version))

    assert found == ["x = 1", "x = 1"]
    assert [note.split(",")[1] for note in notes] == [" cell 2 of 4", " cell 3 of 4"]


def test_a_damaged_sheet_leaves_the_other_sheets():
    sheets = [None, {"cells": [{"cell_type": "code", "input": "x = 1"}]}, {"cells": 5}]
    found, notes = sources("hw.ipynb", json.dumps({"nbformat": 3, "worksheets": sheets}))

    assert found == ["x = 1"]
    assert len(notes) == 1


def test_the_oldest_format_is_read():
    cells = {"cell_type": "code", "code": "x = 1"}, {"cell_type": "text", "text": "x = 2"}

    assert sources("hw.ipynb", notebook(*cells, version=1)) == (["x = 1"], [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, 2]", "the file holds a list"),
        ("7", "the file holds a number"),
        ('{"cells": 5}', "no list of cells"),
        ('{"worksheets": []', "not JSON, or cut off"),
        ('{"cells": [], "x": ' + "[" * 10**5 + "]" * 10**5 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_refused_in_words(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_cells("hw.ipynb", text.encode())


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"language": "Python 3"}, "language_info": {"name": "python"}},
        {"kernelspec": {"language": "python3"}, "language_info": {"name": "python3"}},
        {"kernelspec": {"language": "IPython"}},
        {"kernelspec": {"language": "sage"}, "language_info": {"name": "python"}},
        {"kernelspec": None, "language_info": []},
    ],
)
def test_python_is_python_however_a_kernel_calls_it(metadata):
    assert sources("hw.ipynb", notebook(CODE, **metadata)) == (["x = 1"], [])


@pytest.mark.parametrize("language", ["R", "julia", "Scala"])
def test_another_language_is_named(language):
    data = notebook(CODE, kernelspec={"language": language})

    with pytest.raises(ValueError, match=f"a notebook in {language.lower()}"):
        read_cells("hw.ipynb", data)
