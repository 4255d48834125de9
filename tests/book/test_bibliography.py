"""The bibliography: every entry is cited, and a citation points to one entry only."""

import re
from collections import Counter

from bibliography import NAME, setup_bibliography
from project import find_project
from pybtex.database import parse_string
from pybtex.plugin import find_plugin
from references import read_references

PROJECT = find_project()
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")


def test_no_two_entries_look_alike_in_the_text():
    labels = Counter(read_references(PROJECT).citations.values())

    assert [label for label, count in labels.items() if count > 1] == []


def test_every_entry_is_cited_on_a_page():
    pages = [page.text() for page in PROJECT.pages()]
    cited = {
        key.strip() for text in pages for keys in CITATION.findall(text) for key in keys.split(",")
    }

    assert sorted(set(read_references(PROJECT).citations) - cited) == []


def test_an_entry_is_listed_as_it_is_cited_with_the_capitals_of_its_title():
    setup_bibliography()
    entries = parse_string(
        "@misc{a, author={One, A. and Two, B. and Three, C.}, title={Mistral 7B: a GPT}, year=2023}"
        "@misc{b, author={Gödel, Kurt and Church, Alonzo}, title={Undecidable}, year={2021a}}"
        "@misc{c, title={No author}}",
        "bibtex",
    )
    style = find_plugin("pybtex.style.formatting", NAME)()

    listed = {one.key: one for one in style.format_bibliography(entries)}

    assert listed["a"].label == "One et al., 2023"
    assert listed["b"].label == "Gödel and Church, 2021a"
    assert "Mistral 7B: a GPT." in listed["a"].text.render_as("text")
    assert listed["c"].label.endswith("n.d.")
