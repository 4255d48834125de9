"""Readers: bytes of one file to sections."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import DocumentError
from companion.rag.readers import READERS, Section, decode, read_sections


def read(data: bytes | str, kind: str, **options: object) -> list[Section]:
    data = data.encode() if isinstance(data, str) else data
    return read_sections(data, kind, name=f"file{kind}", **options)


def read_or_error(data: bytes | str, kind: str, **options: object) -> list[Section] | str:
    """Return the sections, or the message of the only error that is allowed."""
    try:
        return read(data, kind, **options)
    except DocumentError as error:
        return str(error)


def test_text_loses_its_byte_order_mark_and_old_line_breaks() -> None:
    assert read(b"\xef\xbb\xbfone\r\ntwo\rthree", ".txt") == [Section("one\ntwo\nthree")]


def test_another_encoding_reads_the_text() -> None:
    assert decode("Käse".encode("cp1252"), "a", "cp1252") == "Käse"
    assert decode("Käse".encode("utf-16"), "a", "utf-16") == "Käse"


def test_a_wrong_encoding_names_byte_and_position() -> None:
    with pytest.raises(
        DocumentError, match=r"a.txt is not utf-8: byte 0xe4 at position 1\. .*cp1252"
    ):
        decode("Käse".encode("latin-1"), "a.txt")


def test_utf_16_is_recognized() -> None:
    with pytest.raises(DocumentError, match=r"byte 0xff at position 0.*encoding='utf-16'"):
        decode("Käse".encode("utf-16"), "a.txt")


@pytest.mark.parametrize("data", [b"\x7fELF\x00\xff", b"GIF89a\x00\x01", b"text\x00more"])
def test_a_binary_file_is_called_binary(data) -> None:
    with pytest.raises(DocumentError, match=r"a.txt is binary"):
        decode(data, "a.txt")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "zlib"])
def test_an_unknown_encoding_is_named(encoding) -> None:
    with pytest.raises(DocumentError, match=f"'{encoding}' is no text encoding"):
        decode(b"x", "a.txt", encoding)


PAGE = """<html><head><title>All
 about owls</title><style>p {}</style></head><body><nav>Menu</nav><h1>Owls</h1>
<p>They see <b>w</b>ell<br>at night.</p>after<script>alert(1)</script>
<ul><li>barn owl<li>snowy owl</ul><!-- hidden --><h2>Food <i>and</i> drink</h2>
<div><p>Mice.</p></div>
<pre>x = 1
y = 2</pre></body></html>"""


def test_html_keeps_words_and_drops_marks() -> None:
    assert read(PAGE, ".html") == [
        Section(
            "They see well\nat night.\n\nafter\n\nbarn owl\n\nsnowy owl", "All about owls", "Owls"
        ),
        Section("Mice.", "All about owls", "Food and drink"),
    ]


def test_html_code_is_kept_on_request() -> None:
    assert read(PAGE, ".html", code=True)[1].text == "Mice.\n\nx = 1\ny = 2"


def test_html_prefers_the_main_part() -> None:
    page = (
        "<body><div>Cookie notice</div><main><h1>Top</h1>Text</main><footer>Legal</footer></body>"
    )

    assert read(page, ".html") == [Section("Text", "Top", "Top")]


def test_html_may_declare_its_encoding() -> None:
    page = '<meta charset="iso-8859-1"><p>Käse</p>'.encode("latin-1")

    assert read(page, ".html")[0].text == "Käse"


@pytest.mark.parametrize("name", ["unicode_escape", "punycode", "idna", "klingon", "utf-7"])
def test_html_can_not_choose_a_strange_encoding(name) -> None:
    page = f'<meta charset="{name}"><p>a\\x41</p>'

    assert read(page, ".html")[0].text == "a\\x41"


def test_deeply_nested_html_is_read() -> None:
    begun = time.monotonic()

    assert read("<div>" * 20_000 + "deep", ".html")[0].text == "deep"
    assert time.monotonic() - begun < 20


def test_pdf_pages_without_text_are_left_out(make_pdf) -> None:
    assert read(make_pdf("One", "", "Three"), ".pdf") == [
        Section("One", page=1),
        Section("Three", page=3),
    ]


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
    import io

    import pypdf

    writer = pypdf.PdfWriter(io.BytesIO(make_pdf("One")))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)

    with pytest.raises(DocumentError, match=r"file.pdf is encrypted"):
        read(out.getvalue(), ".pdf")


@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_sections_or_a_document_error(data, kind, code) -> None:
    found = read_or_error(data, kind, code=code)

    assert f"file{kind}" in found or all(section.text.strip() for section in found)


FRAGMENTS = st.sampled_from(
    [
        *("<p>", "</p>", "<pre>", "<h1>", "</h1>", "<br>", "<!--", "-->", "<![CDATA[", "]]>", "<!"),
        *("<!DOCTYPE", "&#x110000;", "&#0;", "<table>", "text", "<script>", "<title>", "</title>"),
        *("<a href='", "<meta charset='utf-16'>", "<svg>", "<main>", "</main>", "&", "<", ">", "é"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=30).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_broken_html_never_crashes(text) -> None:
    found = read_or_error(text, ".html")

    assert "file.html" in found or isinstance(found, list)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_pdf_never_crashes(make_pdf, data) -> None:
    pdf = bytearray(make_pdf("One", "Two", title="T"))
    for _ in range(data.draw(st.integers(1, 8))):
        pdf[data.draw(st.integers(0, len(pdf) - 1))] = data.draw(st.integers(0, 255))

    found = read_or_error(bytes(pdf), ".pdf")

    assert "file.pdf" in found or isinstance(found, list)
