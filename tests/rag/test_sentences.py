"""Sentences, items and rows: nothing is lost, nothing is torn, and headings stay with them."""

import pytest

from companion.rag.documents import Document, passage, read_documents
from companion.rag.sentences import sentences, split_sentences


def texts(text: str, **metadata: str) -> list[str]:
    return [part.text for part in split_sentences([Document(text, metadata)])]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is 3.5 km. Go!", 2),
        ("Ask Mr. Osei or Dr. J. Berg. They know.", 2),
        ("See Fig. 3, e.g. on p. 4 of it.", 1),
        ("Is it open? Yes. 24 hours.", 3),
        ('He said "Go." Then he left.', 2),
        ("It closes at 21:00. On Sundays at 6. Never earlier.", 3),
        ("Is it free? No, no. We pay.", 3),
        ("sie schlafen. Übermut. Fertig.", 3),
        ("駅は近い。歩いて行ける！", 2),
        ("no capital. follows here", 1),
        ("", 0),
    ],
)
def test_sentences_end_where_people_end_them(text: str, count: int) -> None:
    found = sentences(text)

    assert len(found) == count
    assert "".join("".join(found).split()) == "".join(text.split())


def test_wrapped_lines_are_one_sentence_and_paragraphs_are_not() -> None:
    text = "The bus leaves\nat eight.\n\nIt is blue and rather old, as you will see"

    assert texts(text) == [
        "The bus leaves at eight.",
        "It is blue and rather old, as you will see",
    ]


def test_an_item_is_one_part_with_its_second_sentence_and_line() -> None:
    text = "Bring these:\n- a tent. It is cold\n  at night.\n- shoes\n  1. new ones\n> * string"

    assert texts(text) == [
        "Bring these:",
        "a tent. It is cold at night.",
        "shoes",
        "new ones",
        "string",
    ]


def test_a_row_is_told_with_the_names_of_its_columns() -> None:
    table = "| boat | hours |\n|:---|---:|\n| Ibis | 2 |\n| Kite | |"

    assert texts(f"{table}\n\n{table}") == ["boat: Ibis; hours: 2", "boat: Kite"] * 2
    assert texts("| Ibis | 2 |\n| Kite | 3 |") == ["Ibis; 2", "Kite; 3"]


def test_a_row_of_a_file_stays_whole() -> None:
    (row,) = read_documents(b"a,b\nOne. Two.,Three. Four.\n", "t.csv", "t.csv")

    assert [part.text for part in split_sentences([row])] == ["a: One. Two.; b: Three. Four."]


def test_the_heading_of_the_document_is_no_part_and_stays_in_front() -> None:
    parts = split_sentences(
        [Document("Dough\n\nKnead it. Rest.", {"title": "Bread", "heading": "Dough"})]
    )

    assert [passage(part) for part in parts] == ["Bread. Dough. Knead it.", "Bread. Dough. Rest."]
    assert [part.metadata["chunk"] for part in parts] == [0, 1]


def test_a_short_line_without_a_period_is_a_heading_of_what_follows() -> None:
    text = "MINUTES\n\nWe met.\n\n1. Summer concert\nIt is in June.\nMoney\nThere is none."

    found = split_sentences([Document(text, {"heading": "Choir"})])

    assert [(part.metadata["heading"], part.text) for part in found] == [
        ("MINUTES", "We met."),
        ("Summer concert", "It is in June."),
        ("Money", "There is none."),
    ]
    assert {part.metadata["parents"] for part in found} == {"Choir"}


@pytest.mark.parametrize(
    "text",
    ["Ann Berg\nOslo\nPhone 22 10", "Only a title", "One\n\nTwo\n\nThree", "- a\n\n- b", "> \n\nx"],
)
def test_no_word_is_lost_where_nothing_but_headings_stand(text: str) -> None:
    found = split_sentences([Document(text)])

    told = " ".join(passage(part) for part in found)
    assert all(word in told for word in text.replace("-", "").replace(">", "").split())


def test_a_document_of_nothing_but_its_heading_is_kept() -> None:
    assert texts("Closed", heading="Closed") == ["Closed"]


def test_a_long_sentence_is_cut_at_blanks() -> None:
    long = "word " * 40

    found = split_sentences([Document(long)], chunk_size=50)

    assert all(len(part.text) <= 50 for part in found)
    assert " ".join(part.text for part in found).split() == long.split()
    with pytest.raises(ValueError, match="chunk_size must be a whole number from 1, got 0"):
        split_sentences([], chunk_size=0)
