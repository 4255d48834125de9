"""PDF: the text of each page, words mended; what is said of damaged ones."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import DocumentError
from companion.rag.pdf import join_broken_words
from companion.rag.sections import Section
from tests.rag.reading import read, read_or_error


def test_pdf_pages_without_text_are_left_out(make_pdf) -> None:
    assert read(make_pdf("One", "", "Three"), ".pdf") == [
        Section("One", page=1),
        Section("Three", page=3),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infor-\nmation", "information"),
        ("infor- \n  mation", "information"),
        ("infor\u00ad\nmation", "information"),
        ("well-\nknown", "well-known"),  # the words stand elsewhere
        ("state-of-the-\nart", "state-of-the-\nart"),
        ("long-\nterm", "long-term"),  # stands elsewhere with its hyphen
        ("Jean-\nPaul", "Jean-\nPaul"),
        ("2019-\n2020", "2019-\n2020"),
        ("a -\nb", "a -\nb"),
        ("Käse-\nkuchen", "Käsekuchen"),
    ],
)
def test_words_broken_at_the_end_of_a_line_are_whole_again(text, expected) -> None:
    words = {"well", "known", "long-term", "state"}

    assert join_broken_words(text, words) == expected


def test_a_scanned_pdf_says_so(make_pdf) -> None:
    with pytest.raises(DocumentError, match=r"has 2 pages and no text.*recognition"):
        read(make_pdf("", ""), ".pdf")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_truncated_pdf_is_refused_or_repaired(make_pdf, share) -> None:
    data = make_pdf("One", "Two")

    found = read_or_error(data[: int(len(data) * share)], ".pdf")

    assert "file.pdf" in found or {section.text for section in found} <= {"One", "Two"}


def test_what_is_no_pdf_is_named() -> None:
    with pytest.raises(DocumentError, match=r"file.pdf is damaged or no PDF"):
        read(b"hello", ".pdf")


def test_an_encrypted_pdf_says_so(make_pdf) -> None:
    import pypdf

    writer = pypdf.PdfWriter(io.BytesIO(make_pdf("One")))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)

    with pytest.raises(DocumentError, match=r"file.pdf is encrypted"):
        read(out.getvalue(), ".pdf")


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_pdf_never_crashes(make_pdf, data) -> None:
    pdf = bytearray(make_pdf("One", "Two", title="T"))
    for _ in range(data.draw(st.integers(1, 8))):
        pdf[data.draw(st.integers(0, len(pdf) - 1))] = data.draw(st.integers(0, 255))

    found = read_or_error(bytes(pdf), ".pdf")

    assert "file.pdf" in found or isinstance(found, list)
