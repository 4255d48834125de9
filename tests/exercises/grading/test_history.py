"""What a notebook remembers of its cells is what Jupyter remembers."""

import ast

import pytest

from companion.exercises.grading.history import History, shown


def played(*cells, space=None):
    """Names of a notebook whose cells have the given sources and values."""
    space = {} if space is None else space
    history = History(space)
    for source, value in cells:
        history.begin(source)
        history.end(value)
    return space


def test_the_last_three_values_and_inputs_are_kept_latest_first():
    space = played(("a", 1), ("b", 2), ("c", 3), ("d", 4))

    assert [space["_"], space["__"], space["___"]] == [4, 3, 2]
    assert [space["_i"], space["_ii"], space["_iii"]] == ["c", "b", "a"]
    assert space["Out"] == {1: 1, 2: 2, 3: 3, 4: 4}
    assert (space["_2"], space["_i2"]) == (2, "b")


def test_a_cell_without_a_value_leaves_the_last_one():
    space = played(("5", 5), ("x = 1", None), ("   ", None), ("6", 6))

    assert space["Out"] == {1: 5, 3: 6}
    assert space["In"] == ["", "5", "x = 1", "6"]
    assert space["__"] == 5


def test_to_show_all_values_adds_none():
    space = {}
    history = History(space)
    history.begin("Out")
    history.end(space["Out"])

    assert space["Out"] == {}
    assert space["_"] == ""


def test_a_name_that_the_notebook_uses_itself_is_left_alone():
    space = played(("1", 1))
    history_free = {**space, "_": "mine"}
    history = History(space)
    space["_"] = "mine"
    history.begin("2")
    history.end(2)

    assert space["_"] == history_free["_"] == "mine"
    assert space["Out"] == {1: 2}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x", True),
        ("x;", False),
        ("x ;  # not this", False),
        ("x  # ; only a remark", True),
        ("'é'; 'ü';", False),
        ("f(\n    1,\n)", True),
        ("f(\n    1,\n);", False),
        ("x = 1", False),
        ("def f(): pass", False),
    ],
)
def test_an_expression_without_a_semicolon_is_shown(source, expected):
    assert shown(ast.parse(source).body[-1], source) is expected
