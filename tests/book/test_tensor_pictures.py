"""Pictures of tensors: they can be read, and the stored ones are those of the pages."""

import itertools
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
import tensor_pictures
from book_directives import _drawn
from docutils import nodes
from project import find_project
from tensor_drawing import LETTER, TEXT, WIDTH, Drawing

PROJECT = find_project()
STORED = sorted((PROJECT.book / tensor_pictures.FOLDER).glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
NARROW = 0.52  # letters of sans-serif are about this wide on average, in their size


def word_boxes(root):
    """Left, top, right, bottom and words of each line of text, measured roughly."""
    for text in root.iter(f"{SVG}text"):
        letter = LETTER if text.get("class") == "code" else NARROW
        size = float(text.get("font-size", TEXT))
        width = letter * size * len(text.text)
        share = {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor"), 0.0)
        left, base = float(text.get("x")) - share * width, float(text.get("y"))
        yield left, base - 0.75 * size, left + width, base + 0.2 * size, text.text


def outside(svg):
    """Words that reach out of the picture."""
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    return [
        words
        for left, top, right, bottom, words in word_boxes(root)
        if left < 0 or top < 0 or right > width or bottom > height
    ]


def overlaps(svg):
    """Pairs of words that stand on one another."""
    return [
        (a[4], b[4])
        for a, b in itertools.combinations(word_boxes(ET.fromstring(svg)), 2)
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


def too_wide(svg):
    """Words in the middle of a box that are wider than the box."""
    root = ET.fromstring(svg)
    cells = [
        tuple(float(cell.get(key)) for key in ("x", "y", "width", "height"))
        for cell in root.iter(f"{SVG}rect")
        if "cell" in cell.get("class")
    ]
    return [
        words
        for left, top, right, bottom, words in word_boxes(root)
        for x, y, width, height in cells
        if x < (left + right) / 2 < x + width
        and y < (top + bottom) / 2 < y + height
        and (left < x or right > x + width)
    ]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
@pytest.mark.parametrize("fault", [outside, overlaps, too_wide])
def test_the_words_of_a_picture_have_room(fault, path):
    assert fault(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_picture_is_as_wide_as_a_phone_and_its_words_can_be_read_there(path):
    root = ET.parse(path).getroot()
    sizes = [float(text.get("font-size", TEXT)) for text in root.iter(f"{SVG}text")]

    assert root.get("viewBox").split()[2] == str(WIDTH) == "360"
    assert min(sizes) >= 12


def test_each_picture_stands_on_one_page():
    text = "".join(page.text() for page in PROJECT.pages())

    named = re.findall(r"^```\{tensor\} (\S+)$", text, re.MULTILINE)

    assert sorted(named) == [path.stem for path in STORED]


def test_a_drawing_is_a_figure_with_a_description_and_a_caption_to_number(tmp_path):
    path = tmp_path / "a.svg"
    path.write_text(Drawing(10).svg(), encoding="utf-8")
    options = {"alt": 'one "row"', "caption": "Rows are read."}
    directive = SimpleNamespace(options=options, set_source_info=lambda node: None)

    figure = _drawn(directive, path, ["dot", "tensor"])

    drawing, caption = figure.children
    assert figure["classes"] == ["dot", "tensor"]
    assert '<svg role="img" aria-label="one &quot;row&quot;"' in drawing.astext()
    assert isinstance(caption, nodes.caption)
    assert caption.astext() == "Rows are read."


def test_words_are_escaped():
    drawing = Drawing(40)
    drawing.cell(0, 0, 100, 40, 'a < b & "c"')

    (text,) = ET.fromstring(drawing.svg()).iter(f"{SVG}text")

    assert text.text == 'a < b & "c"'


def test_a_grid_needs_as_many_colors_as_cells():
    with pytest.raises(ValueError, match="shorter"):
        Drawing(40).grid(0, 0, [["a", "b"]], width=20, colors=[["blue"]])


@pytest.mark.parametrize(
    ("points", "head"),
    [(((0, 0), (30, 0)), "M30 0L22 4L22 -4Z"), (((5, 30), (5, 10)), "M5 10L9 18L1 18Z")],
)
def test_an_arrow_points_at_its_end(points, head):
    drawing = Drawing(40)
    drawing.arrow(*points)

    (path,) = [
        p for p in ET.fromstring(drawing.svg()).iter(f"{SVG}path") if p.get("class") == "head"
    ]

    assert path.get("d") == head


def test_stored_pictures_that_differ_are_told_and_drawn(book, capsys):
    project = book.project
    drawn = {"a": Drawing(10).svg(), "b": Drawing(20).svg()}

    assert tensor_pictures.update(project, drawn, check_only=True) == 1
    assert "a.svg is not what would be drawn" in capsys.readouterr().err
    assert tensor_pictures.update(project, drawn) == 0
    assert tensor_pictures.update(project, drawn, check_only=True) == 0
    assert tensor_pictures.update(project, {"a": drawn["a"]}, check_only=True) == 1
    assert tensor_pictures.update(project, {"a": drawn["b"]}) == 0

    path = tensor_pictures.picture_path(project, "a")
    assert [path] == list(path.parent.iterdir())
    assert path.read_text("utf-8") == drawn["b"]
