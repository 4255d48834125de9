"""The bibliography: a citation points to one entry only."""

from collections import Counter

from project import find_project
from references import read_references

PROJECT = find_project()


def test_no_two_entries_look_alike_in_the_text():
    labels = Counter(read_references(PROJECT).citations.values())

    assert [label for label, count in labels.items() if count > 1] == []
