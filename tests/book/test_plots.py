import io
import re
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from docutils import nodes
from matplotlib.figure import Figure
from plot_file import tidied
from plots import clear_ground, panels, visit_image

from tests.book.test_plot_file import drawn


def parsed(**options):
    return ET.fromstring(tidied(drawn(**options)))


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_plot_has_a_panel_for_each_pair_of_axes(columns):
    cut = panels(parsed(columns=columns))

    assert len(cut) == columns
    assert sum(width for _, _, width, _ in cut) == pytest.approx(3 * 72 * columns)


def test_a_cut_stands_between_the_words_of_two_panels():
    root = parsed(columns=2)
    labels = [
        float(text.get("x"))
        for text in root.iter("{http://www.w3.org/2000/svg}text")
        if text.text == "loss"
    ]

    (_, second) = panels(root)

    assert labels[0] < second[0] < labels[1] - 5


def test_a_legend_of_all_panels_keeps_them_together():
    assert len(panels(parsed(columns=2, legend=True))) == 1


def test_a_color_bar_stays_with_its_panel():
    figure = Figure(figsize=(6, 2))
    for axes in figure.subplots(1, 2):
        figure.colorbar(axes.imshow([[1, 2], [3, 4]]))
    file = io.StringIO()
    figure.savefig(file, format="svg")

    assert len(panels(ET.fromstring(file.getvalue()))) == 2


def test_the_ground_is_cleared_and_nothing_else():
    root = parsed()
    before = ET.tostring(root, encoding="unicode")

    clear_ground(root)

    after = ET.tostring(root, encoding="unicode")
    assert before.count("fill: #ffffff") == 2
    assert after.count("fill: #ffffff") == 0
    assert after.replace("fill: none", "") == before.replace("fill: #ffffff", "").replace(
        "fill: none", ""
    )


def test_each_panel_is_a_picture_of_its_own_shape_and_the_first_describes_all():
    image = nodes.image(uri="a.svg", alt="Two <lines>", plot=panels(parsed(columns=2)))
    builder = SimpleNamespace(images={"a.svg": "a.svg"}, imgpath="_images")
    writer = SimpleNamespace(builder=builder, body=[])

    visit_image(writer, image)

    first, second = re.findall("<img.*?>", "".join(writer.body))
    assert 'alt="Two &lt;lines&gt;"' in first
    assert 'alt="" aria-hidden="true"' in second
    for picture, (_, _, width, height) in zip((first, second), image["plot"], strict=True):
        assert f"aspect-ratio: {width:.0f} / {height:.0f}" in picture
