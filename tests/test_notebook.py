"""Cells out of a notebook's file, however old, and one by one."""

import json
import logging

import pytest

from companion._notebook import NotebookCell, parse_notebook, read_cell, stored_cells

BOTH = ["code", "markdown"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON, or cut off"),
        ('{"cells": [', "not JSON, or cut off"),
        ("9" * 5000, "not JSON, or cut off"),
        ("[" * 10**5, "nested too deeply to be read"),
        ("null", "the file holds null"),
        ("true", "the file holds true or false"),
        ('"x"', "the file holds a text"),
        ("1.5", "the file holds a number"),
        ("[]", "the file holds a list"),
    ],
)
def test_what_is_no_notebook_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"not a Jupyter notebook: .*{said}"):
        parse_notebook(text)


def test_cells_stand_at_the_top_or_in_sheets() -> None:
    assert stored_cells({"cells": [1, 2]}) == [1, 2]
    assert stored_cells({"worksheets": [{"cells": [1]}, {"cells": [2, 3]}]}) == [1, 2, 3]


@pytest.mark.parametrize("damaged", [None, 5, {"cells": 5}, {}])
def test_a_damaged_sheet_is_one_damaged_cell(damaged: object) -> None:
    assert stored_cells({"worksheets": [damaged, {"cells": [1]}]}) == [1, None]


@pytest.mark.parametrize("notebook", [{}, {"cells": 5}, {"worksheets": 5}, {"cells": {}}])
def test_without_a_list_of_cells_it_is_none(notebook: dict) -> None:
    with pytest.raises(ValueError, match="there is no list of cells in it"):
        stored_cells(notebook)


@pytest.mark.parametrize(
    ("cell", "version", "expected"),
    [
        ({"cell_type": "code", "source": "x = 1"}, 4, ("code", "x = 1")),
        ({"cell_type": "code", "source": ["x = 1\n", "y"]}, 4, ("code", "x = 1\ny")),
        ({"cell_type": "markdown", "source": "a\r\nb\rc"}, 4, ("markdown", "a\nb\nc")),
        ({"cell_type": "code"}, 4, ("code", "")),
        ({"cell_type": "code", "source": None}, 99, ("code", "")),
        ({"cell_type": "code", "input": "x = 1", "language": "python"}, 3, ("code", "x = 1")),
        ({"cell_type": "code", "input": ["x", "y"]}, 2, ("code", "x\ny")),
        ({"cell_type": "code", "code": "x = 1"}, 1, ("code", "x = 1")),
        ({"cell_type": "text", "text": "Owls."}, 1, ("markdown", "Owls.")),
        ({"cell_type": "html", "source": "<b>a</b>"}, 2, ("markdown", "<b>a</b>")),
        ({"cell_type": "heading", "level": 3, "source": "Owls"}, 3, ("markdown", "### Owls")),
    ],
)
def test_a_cell_of_every_format_is_read(cell: dict, version: int, expected: tuple) -> None:
    assert read_cell(cell, version, BOTH) == NotebookCell(*expected)


@pytest.mark.parametrize(
    ("cell", "kinds"),
    [
        ({"cell_type": "markdown", "source": "x"}, ["code"]),
        ({"cell_type": "raw", "source": "x"}, BOTH),
        ({"cell_type": "raw", "source": 7}, BOTH),  # nobody wants it, so it may be damaged
        ({"cell_type": "heading", "source": "x"}, BOTH),  # no kind of format 4
    ],
)
def test_a_cell_of_another_kind_is_left_out(cell: dict, kinds: list[str]) -> None:
    assert read_cell(cell, 4, kinds) is None


@pytest.mark.parametrize(
    ("cell", "version", "said"),
    [
        (None, 4, "no cell but null"),
        ([1], 4, "no cell but a list"),
        ({}, 4, "does not say whether it is code"),
        ({"cell_type": 5}, 4, "does not say whether it is code"),
        ({"cell_type": "code", "source": 5}, 4, "its code is no text"),
        ({"cell_type": "markdown", "source": ["a", 5]}, 4, "its source is no text"),
        ({"cell_type": "heading", "source": "a", "level": "x"}, 3, "when read as format 3"),
    ],
)
def test_a_damaged_cell_says_what_is_wrong(cell: object, version: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_cell(cell, version, BOTH)


def test_reading_an_old_format_says_nothing(logged, monkeypatch) -> None:
    logger = logging.getLogger("traitlets")
    monkeypatch.setattr(logger, "level", logging.INFO)

    read_cell(json.loads('{"cell_type": "code", "input": "x", "outputs": 5}'), 3, ["code"])

    assert logger.level == logging.INFO
    assert logged == []
