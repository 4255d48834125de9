"""Sections know the headings above them, and no heading is lost."""

import pytest

from companion.rag.sections import Section, SectionList


def collected(*parts: tuple[int, str, str]) -> SectionList:
    """Headings with their levels, and the text below each; level 0 is text alone."""
    found = SectionList()
    for level, heading, text in parts:
        if level:
            found.begin(level, heading)
        if text:
            found.add(text)
    return found


def test_each_section_has_its_heading_and_its_parents() -> None:
    found = collected(
        (1, "Shop", "We sell."),
        (2, "Returns", ""),
        (3, "Kettles", "30 days."),
        (3, "Cups", "7 days."),
        (2, "Hours", "At nine."),
    )

    assert [(one.text, one.heading, one.parents) for one in found.sections()] == [
        ("We sell.", "Shop", ""),
        ("30 days.", "Kettles", "Returns"),
        ("7 days.", "Cups", "Returns"),
        ("At nine.", "Hours", ""),
    ]
    assert {one.title for one in found.sections()} == {"Shop"}


def test_a_heading_with_nothing_below_it_is_a_section() -> None:
    found = collected((1, "A", ""), (2, "B", ""), (2, "C", ""), (1, "D", ""))

    assert [(one.heading, one.text) for one in found.sections()] == [
        ("B", ""),
        ("C", ""),
        ("D", ""),
    ]


@pytest.mark.parametrize(
    ("title", "default", "expected"),
    [("Given", "Other", "Given"), ("", "Other", "First"), ("First", "", "First")],
)
def test_the_title_is_the_given_one_else_the_first_heading(
    title: str, default: str, expected: str
) -> None:
    (one,) = collected((2, "Below", ""), (1, "First", "text")).sections(title, default)[1:]

    assert one.title == expected


def test_without_headings_there_is_one_section_with_the_default_title() -> None:
    assert collected((0, "", "\na"), (0, "", "b\n")).sections(default="file") == [
        Section("ab", "file")
    ]


def test_text_before_the_first_heading_is_kept_and_blank_text_is_none() -> None:
    found = collected((0, "", "Preface."), (2, "A", "\n\n"), (3, "B", "text"))

    assert [(one.text, one.heading, one.parents) for one in found.sections()] == [
        ("Preface.", "", ""),
        ("text", "B", "A"),
    ]


def test_a_heading_without_words_begins_nothing() -> None:
    assert [one.text for one in collected((2, "A", "a"), (2, "", "b")).sections()] == ["ab"]
    assert SectionList().sections() == []
