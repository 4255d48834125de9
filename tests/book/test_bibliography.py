"""The bibliography: every entry is cited, and a citation points to one entry only."""

import re
from collections import Counter

from project import find_project
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
