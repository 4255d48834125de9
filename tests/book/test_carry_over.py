"""Pages under another model: what raised, what held, what was not reached."""

import argparse
from pathlib import Path

import carry_over
import nbformat
import pytest
from project import Page

LIMITS = argparse.Namespace(cell=60, page=120, double=False)

CELLS = [
    "import os\nassert os.environ['COMPANION_MODELS'] == 'open'\n"
    "assert 'COMPANION_CHAT' not in os.environ, 'an own model'",
    "for number in (1, 2):\n    assert number == 1",
    "def check(number):\n    assert number > 0, f'{number} is not'\n    return number\ncheck(3)",
    "raise ValueError('no such\\nmark')",
    "%pwd\nassert check(0)",
    "assert 1 / 0",
]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> carry_over.PageResult:
    folder = tmp_path_factory.mktemp("page")
    return carry_over.run(write_page(folder, CELLS), None, LIMITS)


def write_page(folder: Path, cells: list[str]) -> Page:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Page"),
            *map(nbformat.v4.new_code_cell, cells),
            nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        ]
    )
    path = folder / "page.ipynb"
    nbformat.write(notebook, path)
    return Page("part/page", folder / "page.md", path)


def test_a_cell_that_raises_is_named_and_the_rest_runs(result: carry_over.PageResult) -> None:
    assert (result.cells, result.ran) == (7, 7)
    assert result.errors == [
        "cell 4 raises ValueError: no such mark  <- raise ValueError('no such\\nmark')",
        "cell 6 raises ZeroDivisionError: division by zero  <- assert 1 / 0",
    ]


def test_an_assert_holds_if_it_held_each_time(result: carry_over.PageResult) -> None:
    assert result.held == 2  # the two of the environment
    assert [fault.split(": ", 1) for fault in result.failed] == [
        ["code cell 2, line 2", "assert number == 1"],
        ["code cell 3, line 2", "assert number > 0, f'{number} is not'"],
        ["code cell 5, line 2", "assert check(0)"],
        ["code cell 6, line 1", "assert 1 / 0"],
    ]
    assert not result.is_right


def test_the_report_ends_in_a_summary(result: carry_over.PageResult) -> None:
    *_, last = carry_over.describe([result]).splitlines()

    assert last == (
        "0 of 1 pages carry over; 2 cells raise or take too long, 2 asserts hold, 4 do not"
    )


def test_a_cell_over_its_limit_is_stopped_and_the_next_runs(tmp_path: Path) -> None:
    cells = ["import time; time.sleep(1000)", "x = 1", "assert x"]
    limits = argparse.Namespace(cell=3, page=500, double=True)

    result = carry_over.run(write_page(tmp_path, cells), str(tmp_path), limits)

    assert result.ran == 4
    (error,) = result.errors
    assert error.startswith("cell 1 raises KeyboardInterrupt:")


def test_a_page_over_its_limit_is_left(tmp_path: Path) -> None:
    cells = ["import time; time.sleep(1000)", "assert True"]
    limits = argparse.Namespace(cell=500, page=2, double=True)

    result = carry_over.run(write_page(tmp_path, cells), str(tmp_path), limits)

    assert result.ran == 1
    assert "not reached: 2 cells" in "\n".join(result.lines())


def test_an_unknown_page_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_over.main(["no/such/page"]) == 1
    assert "no/such/page" in capsys.readouterr().err
