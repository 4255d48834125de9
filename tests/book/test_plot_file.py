import io

import matplotlib
import pytest
from matplotlib.figure import Figure
from plot_file import tidied


def drawn(columns=1, legend=False):
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure = Figure(figsize=(3 * columns, 2))
        for axes in figure.subplots(1, columns, squeeze=False)[0]:
            (line,) = axes.plot([1, 2, 3])
            axes.set_xlabel("steps $x^2$")
            axes.set_ylabel("loss")
        if legend:
            figure.legend([line], ["a line"])
        figure.tight_layout()
        file = io.StringIO()
        figure.savefig(file, format="svg")
        return file.getvalue()


def test_a_tidied_plot_has_no_date():
    assert "date" in drawn()

    assert "date" not in tidied(drawn())


def test_words_and_formulas_have_a_font_that_every_system_has():
    svg = tidied(drawn())

    assert ">loss<" in svg
    assert svg.count("font-family") == svg.count("font-family: 'DejaVu Sans', Verdana, sans-serif")


def test_a_tidied_plot_stays_as_it_is():
    svg = tidied(drawn())

    assert tidied(svg) == svg


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1.2345 2 \nL 3 -0.001 \nz\n", "M1.23 2L3 0z"),
        ("M 10 200.50 C 1 2 3 4 5 6", "M10 200.5C1 2 3 4 5 6"),
    ],
)
def test_numbers_of_a_path_have_two_decimals(path, short):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{path}" /></svg>'

    assert f'd="{short}"' in tidied(svg)
