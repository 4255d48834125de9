"""The pages of exercises: made from the catalog, stubs to fill in, solutions folded away."""

import re
from pathlib import Path

import bookext
import exercise_pages
import nbformat
import pytest
from project import find_project

from companion.exercises import catalog

ROOT = Path(__file__).parents[2]


def test_the_pages_are_as_the_catalog_has_them(capsys):
    assert exercise_pages.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", ["book/gpt/exercises.md", "book/_data/exercises.json"])
def test_a_file_that_was_edited_by_hand_is_reported(name, tmp_path, capsys):
    exercise_pages.main([], tmp_path)
    path = tmp_path / name
    path.write_text(path.read_text(encoding="utf-8") + "more", encoding="utf-8")

    assert exercise_pages.main(["--check"], tmp_path) == 1
    assert f"{name}\nrun: python" in capsys.readouterr().err


@pytest.mark.parametrize("section", list(catalog.CONTENTS))
def test_the_notebook_has_stub_and_check_and_no_solution(section):
    path = ROOT / "book" / "notebooks" / section / "exercises.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")

    for one in catalog.of_section(section):
        assert one.stub() in code
        assert f'ex.check("{one.id}", {one.variable})' in code
        assert one.solution_text() not in text
        assert one.hints[-1] not in text
    printed = [str(out) for cell in cells for out in cell.get("outputs", [])]
    assert len(printed) == len(catalog.ids(section))
    assert all("not attempted" in output for output in printed)


def test_a_page_links_to_its_exercises():
    found = bookext.exercises_by_page(find_project().exercises)
    linked = [one["anchor"] for exercises in found.values() for one in exercises]

    assert sorted(linked) == sorted(f"ex-{name}" for name in catalog.ids())
    links = bookext.exercise_links(found["gpt/architecture"], lambda page: f"../{page}.html")
    assert re.search(r'href="\.\./book/gpt/exercises\.html#ex-causal-mask">The causal mask<', links)
