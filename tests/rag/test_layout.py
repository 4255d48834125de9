"""Marked-up text becomes plain text that keeps items, quotes and tables apart."""

import pytest

from companion.rag.layout import LINE_BREAK, Layout
from companion.rag.sections import SectionList


@pytest.fixture
def sections() -> SectionList:
    return SectionList()


@pytest.fixture
def layout(sections: SectionList) -> Layout:
    return Layout(sections)


def text(sections: SectionList) -> str:
    return "\n\n".join(one.text for one in sections.sections())


def paragraph(layout: Layout, words: str, *, item: bool = False) -> None:
    layout.write(words)
    layout.end_block(item=item)


def test_a_paragraph_is_one_line_and_blocks_are_apart(layout, sections) -> None:
    paragraph(layout, "An oak\n  is   tall.")
    paragraph(layout, f"So is{LINE_BREAK}an elm.")
    paragraph(layout, " \n ")

    assert text(sections) == "An oak is tall.\n\nSo is\nan elm."


def test_japanese_has_no_blank_at_the_end_of_a_line_and_korean_has(layout, sections) -> None:
    paragraph(layout, "東京は\n大きい。")
    paragraph(layout, "서울은\n크다.")
    paragraph(layout, "東京\nTokyo")

    assert text(sections) == "東京は大きい。\n\n서울은 크다.\n\n東京 Tokyo"


def test_items_keep_their_marks_and_their_depth(layout, sections) -> None:
    layout.open("item", "- ")
    paragraph(layout, "one", item=True)
    layout.open("list", "")
    layout.open("item", "1. ")
    paragraph(layout, "inner", item=True)
    layout.close("list")
    layout.open("item", "- ")
    paragraph(layout, "two", item=True)
    paragraph(layout, "more of two")
    layout.close("item")
    paragraph(layout, "after")

    assert text(sections) == "- one\n  1. inner\n- two\n\n  more of two\n\nafter"


def test_a_quote_marks_each_line(layout, sections) -> None:
    layout.open("quote", "> ", "> ")
    layout.verbatim("a\n\n  b\n")
    layout.close("quote")
    layout.close("quote")  # of nothing
    paragraph(layout, "c")

    assert text(sections) == "> a\n>\n>   b\n\nc"


def test_a_heading_begins_a_section_but_not_in_a_list(layout, sections) -> None:
    layout.begin_heading(1)
    assert layout.in_heading
    paragraph(layout, "Trees\nand more")
    layout.open("item", "- ")
    layout.begin_heading(2)
    assert not layout.in_heading
    paragraph(layout, "Oaks")

    assert [(one.heading, one.text) for one in sections.sections()] == [
        ("Trees and more", "- Oaks")
    ]


def row(layout: Layout, *cells: str, names: bool = False) -> None:
    layout.begin_row()
    for cell in cells:
        layout.begin_cell(name=names)
        layout.write(cell)


def test_a_row_of_a_table_is_a_line_and_names_are_underlined(layout, sections) -> None:
    layout.begin_table()
    row(layout, "Tree", "Height", names=True)
    row(layout, "oak", f"30{LINE_BREAK}m")
    row(layout)
    layout.end_table()

    assert text(sections) == "| Tree | Height |\n|---|---|\n| oak | 30 m |"


def test_a_table_without_names_has_no_line_below_its_first_row(layout, sections) -> None:
    layout.begin_table()
    layout.begin_cell(name=True)  # no row was begun
    layout.write("oak")
    layout.begin_cell(name=False)
    layout.write("30")
    row(layout, "elm", "25")
    layout.end_table()

    assert text(sections) == "| oak | 30 |\n| elm | 25 |"


def test_program_code_in_a_cell_stays_on_its_line(layout, sections) -> None:
    layout.begin_table()
    row(layout, "a")
    layout.verbatim("x = 1\ny = 2")
    layout.end_table()

    assert text(sections) == "| a x = 1 y = 2 |"


def test_a_table_of_nothing_is_nothing(layout, sections) -> None:
    layout.begin_table()
    layout.begin_row()
    layout.end_table()
    layout.begin_row()  # outside of one
    layout.begin_cell(name=True)

    assert sections.sections() == []


def test_a_first_row_names_columns_only_if_each_of_its_cells_is_a_name(layout, sections) -> None:
    layout.begin_table()
    layout.begin_row()
    for name, cell in ((False, "2025"), (True, "Height")):
        layout.begin_cell(name=name)
        layout.write(cell)
    row(layout, "oak", "30")
    layout.end_table()

    assert text(sections) == "| 2025 | Height |\n| oak | 30 |"
