"""What a page says about a widget: checked when the book is built."""

import json
from html import unescape

import pytest
from live_widget import WIDGETS, opening

from tests.live.browser import STATIC, widgets


def test_every_widget_has_its_module_and_every_module_is_listed():
    modules = {path.stem for path in (STATIC / "live" / "widgets").glob("*.js")}

    assert modules == set(WIDGETS)


def test_every_widget_is_on_a_page():
    placed = {name for some in widgets().values() for name, _ in some}

    assert placed == set(WIDGETS)


def test_options_arrive_as_they_were_written():
    text = opening("injection", {"text": 'a "b" <c>\\nd'})

    data = text.split('data-options="')[1].split('"')[0]
    assert json.loads(unescape(data)) == {"text": 'a "b" <c>\nd'}


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("nothing", {}, "there is no widget 'nothing'; known: attention"),
        ("score", {}, "the widget score needs the option :text:"),
        ("score", {"text": "a", "beta": "1"}, "the widget score has no option :beta:"),
    ],
)
def test_a_mistake_stops_the_build_in_words(name, options, problem):
    with pytest.raises(ValueError, match=problem):
        opening(name, options)
