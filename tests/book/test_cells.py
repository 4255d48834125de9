import pytest
from cells import CHECKS, FIGURE, IMPORTS, OTHER, TABLE, kind_of, name_cells
from docutils import nodes
from docutils.utils import new_document

SET_UP = "import math\nimport torch\n\nmodel = torch.nn.Linear(1, 1)"
CHECK = "assert x > 1\nif is_pocket(model):\n    assert y\nfor z in rows:\n    assert z"


def page(*cells):
    document = new_document("page")
    for source, outputs, mode in cells:
        cell = nodes.container("", nodes.literal_block(text=source), nb_element="cell_code")
        if mode:
            cell.update_all_atts({"hide_mode": mode, "prompt_show": "Show", "prompt_hide": "Hide"})
        if outputs:
            cell += nodes.container("", *outputs, nb_element="cell_code_output")
        document += cell
    name_cells(None, document)
    return [(cell.get("hide_mode"), cell.get("prompt_show")) for cell in document.children]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (SET_UP, IMPORTS),
        (CHECK, CHECKS),
        ("import math\nx = 1", None),
        (SET_UP + "\n\ndef model(x):\n    return x", None),
        ("x = 1\n" * 9, None),
        ("print(1)\nassert x", None),
        ("if x:\n    print(1)", None),
        ("%matplotlib inline\nimport math\n\n\nx = 1", None),
        ("", None),
        ("# a comment", None),
    ],
)
def test_a_first_cell_is_folded_if_it_sets_up_or_checks(source, kind):
    assert kind_of(source, is_first=True) == kind


def test_imports_further_down_stand_open():
    assert kind_of(SET_UP) is None


def test_a_check_that_shows_something_stands_open():
    text = nodes.paragraph(text="shown")

    assert page((CHECK, [], None), (CHECK, [text], None)) == [("input", CHECKS), (None, None)]


def test_a_folded_cell_is_named_by_what_it_leaves():
    picture, table = nodes.image(uri="a.svg"), nodes.raw("", "<table></table>", format="html")
    other = nodes.paragraph(text="words")
    cells = [("draw()", [output], "input") for output in (picture, table, other)]

    assert [name for _, name in page(*cells)] == [FIGURE, TABLE, OTHER]
    assert page(("x = f(1)\nassert x == 1", [], "input")) == [("input", CHECKS)]
    assert page(("x = f(1)\nassert x == 1", [other], "input")) == [("input", OTHER)]


def test_a_cell_that_its_author_hides_whole_stays_so():
    assert page((CHECK, [], "all")) == [("all", CHECKS)]
    assert page(("draw()", [], "all")) == [("all", "Show")]
