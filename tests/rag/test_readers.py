"""Readers: bytes of one file to sections."""

import csv
import io
import json
import zipfile

import pytest
from docutils.parsers.rst import directives, roles
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import DocumentError
from companion.rag.formats import MAX_UNPACKED
from companion.rag.pdf import join_broken_words
from companion.rag.readers import READERS, read_sections, remedy
from companion.rag.sections import Section

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"


def read(data: bytes | str, kind: str, **options: object) -> list[Section]:
    data = data.encode() if isinstance(data, str) else data
    return read_sections(data, kind, name=f"file{kind}", **options)


def read_or_error(data: bytes | str, kind: str, **options: object) -> list[Section] | str:
    """Return the sections, or the message of the only error that is allowed."""
    try:
        return read(data, kind, **options)
    except DocumentError as error:
        return str(error)


def docx(body: str) -> bytes:
    """Return a Word document with these paragraphs, as Word writes them."""
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{label}"/></w:style>'
        for name, label in (("Titel", "Title"), ("berschrift1", "heading 1"), ("H2", "heading 2"))
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        )
        packed.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type='
            f'"{OFFICE}/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        packed.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type='
            f'"{OFFICE}/relationships/styles" Target="styles.xml"/></Relationships>',
        )
        packed.writestr("word/styles.xml", f'<w:styles xmlns:w="{W}">{styles}</w:styles>')
        packed.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        )
    return out.getvalue()


def paragraph(text: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_word_document_has_headings_tables_and_what_was_inserted() -> None:
    row = "".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in ("Adults", "12"))
    body = (
        paragraph("The museum", "Titel")
        + paragraph("Fees", "berschrift1")
        + "<w:p><w:r><w:t>From </w:t></w:r><w:ins w:id='1'><w:r><w:t>May</w:t></w:r></w:ins>"
        "<w:del w:id='2'><w:r><w:delText>June</w:delText></w:r></w:del></w:p>"
        + f"<w:tbl><w:tr>{row}</w:tr></w:tbl>"
        + paragraph("Groups", "H2")
        + paragraph("8 each.")
    )

    assert read(docx(body), ".docx") == [
        Section("From May\n\n| Adults | 12 |", "The museum", "Fees"),
        Section("8 each.", "The museum", "Groups", "Fees"),
    ]


def test_a_damaged_or_huge_word_document_is_named() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * (MAX_UNPACKED + 1))

    assert "is damaged or no Word document (.docx)" in read_or_error(b"PK no", ".docx")
    assert "is damaged or no Word document" in read_or_error(docx("<w:p>"), ".docx")
    assert "unpacks to 200,000,001 bytes" in read_or_error(out.getvalue(), ".docx")


RST = """
Shop
====

See :ref:`the shop <x>` and |this|.

.. note:: Take *care*.

.. versionadded:: 1.2
   New things.

.. toctree::
   :maxdepth: 2

   other

.. code-block:: python

   x = 1

Returns
-------

.. tab:: Kettles
   :class: x

   30 days.

- a list
- of two

.. include:: /etc/passwd
"""


def test_restructured_text_is_read_with_what_docutils_does_not_know() -> None:
    assert read(RST, ".rst") == [
        Section(
            "See the shop and |this|.\n\nNote\n\nTake care.\n\n1.2\n\nNew things.", "Shop", "Shop"
        ),
        Section("Kettles\n\n30 days.\n\n- a list\n\n- of two", "Shop", "Returns"),
    ]
    assert "x = 1" in read(RST, ".rst", code=True)[0].text


def test_what_other_libraries_have_added_to_docutils_does_not_disturb(monkeypatch) -> None:
    """Sphinx adds its directives and roles for the whole process; outside a build they fail."""
    before = read(RST, ".rst")

    def failing(*arguments: object) -> None:
        raise AttributeError("'Values' object has no attribute 'env'")

    for added in (directives._directives, roles._roles):
        for name in ("versionadded", "note", "term", "ref", "doc"):
            monkeypatch.setitem(added, name, failing)

    assert read(RST, ".rst") == before
    assert directives._directives["versionadded"] is failing
    assert roles._roles["term"] is failing


def notebook(*cells: tuple[str, str], version: int = 4) -> str:
    made = [
        {"cell_type": kind, "source": source, "metadata": {}}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for kind, source in cells
    ]
    if version == 3:
        for cell in made:
            cell["input"] = cell["source"]
        return json.dumps(
            {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": made}]}
        )
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made})


@pytest.mark.parametrize("version", [3, 4])
def test_a_notebook_gives_its_texts(version) -> None:
    cells = [
        ("markdown", "# Owls\n\n```\nnever closed"),
        ("code", "x = 1"),
        ("markdown", "They *fly*.\n\n## Food\n\nMice."),
    ]
    data = notebook(*cells, version=version)

    assert read(data, ".ipynb") == [
        Section("They fly.", "Owls", "Owls"),
        Section("Mice.", "Owls", "Food"),
    ]
    assert "x = 1" in read(data, ".ipynb", code=True)[0].text


OWLS = {"cell_type": "markdown", "source": "# Owls\n\nThey fly."}
CODE = {"cell_type": "code", "source": ["x = 1\n", "y = 2"]}


@pytest.mark.parametrize(
    "file",
    [
        {"cells": [OWLS, CODE], "nbformat": 4, "nbformat_minor": 5},  # metadata nowhere
        {"cells": [OWLS | {"metadata": {}}, CODE], "metadata": {}, "nbformat": 4},
        {"cells": [OWLS, CODE]},
        {"cells": [OWLS, CODE], "metadata": {}, "nbformat": 5, "nbformat_minor": 0},
        {"cells": [OWLS, CODE], "metadata": None, "nbformat": "4"},
        {"cells": [None, OWLS, CODE], "metadata": {}, "nbformat": 4},
        {"cells": [OWLS, 7, "x", [OWLS], {"source": "a"}, CODE], "nbformat": 4},
        {"cells": [OWLS, CODE, {"cell_type": "markdown", "source": [1]}], "nbformat": 4},
        {"cells": [OWLS, CODE, {"cell_type": "markdown"}, {"cell_type": "raw", "source": 1}]},
        {"worksheets": [{"cells": [OWLS, CODE, None]}, None], "nbformat": 3},
        {"worksheets": [{"cells": [OWLS, CODE]}], "nbformat": 2},
        {
            "nbformat": 1,
            "cells": [
                {"cell_type": "text", "text": OWLS["source"]},
                {"cell_type": "code", "code": "x = 1\ny = 2"},
            ],
        },
    ],
    ids=lambda file: json.dumps(file)[:60],
)
def test_a_notebook_is_read_for_what_it_holds_not_for_its_form(file, capfd) -> None:
    data = json.dumps(file)

    assert read(data, ".ipynb") == [Section("They fly.", "Owls", "Owls")]
    assert read(data, ".ipynb", code=True)[0].text == "They fly.\n\nx = 1\ny = 2"
    assert capfd.readouterr().err == ""


def test_a_heading_cell_of_an_old_format_is_a_heading() -> None:
    cells = [{"cell_type": "heading", "level": 2, "source": "Food"}, OWLS | {"source": "Mice."}]
    data = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {}})

    assert read(data, ".ipynb") == [Section("Mice.", "", "Food")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("{}", "no list of cells"),
        ("[1]", "the file holds a list"),
        ("no json", "no JSON, or cut off"),
        ('{"nbformat": 4, "cells": 3}', "no list of cells"),
        ('{"nbformat": 4, "cells": [null]}', "that can be read; cell 1 of 1: no cell but null"),
        ('{"nbformat": 4, "cells": ' + "[" * 10**5 + "]" * 10**5 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_named(data, reason) -> None:
    message = read_or_error(data, ".ipynb")

    assert message.startswith("file.ipynb is not a Jupyter notebook")
    assert reason in message


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("name,fee\nAnn,5\nBo,\n\n", ["name: Ann; fee: 5", "name: Bo"]),
        ('name;note\n"Lee; Ann";"two\nlines"\n', ["name: Lee; Ann; note: two lines"]),
        ("day\thours\nMon\t9-5\nTue\t9-12\n", ["day: Mon; hours: 9-5", "day: Tue; hours: 9-12"]),
        ("2024,5\n2025,7\n", ["2024; 5", "2025; 7"]),  # no names
        ("one\ntwo\n", ["one: two"]),
        ("a,b\n1,2,3\n", ["a: 1; b: 2; 3"]),
        ("sep=;\nname;fee\nAnn;5,50\n", ["name: Ann; fee: 5,50"]),  # as Excel writes it
        ('"sep=|"\nname|fee\nBo|7\n', ["name: Bo; fee: 7"]),
        ("sep=\t\nname\tfee\nBo\t7\n", ["name: Bo; fee: 7"]),
    ],
)
def test_a_table_gives_a_section_per_row(text, rows) -> None:
    found = read(text, ".csv")

    assert [(one.text, one.row) for one in found] == list(zip(rows, range(1, 9), strict=False))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("cup;2,50\nplate;3,10\n", ["cup; 2,50", "plate; 3,10"]),
        ("cup;2,50\n", ["cup; 2,50"]),
        ("cup;2,50\nplate;3,10;new\nall\n", ["cup; 2,50", "plate; 3,10; new", "all"]),
        ("cup\t2,50\nplate\t3,10\n", ["cup; 2,50", "plate; 3,10"]),
        ("cup|2,50\nplate|3,10\n", ["cup; 2,50", "plate; 3,10"]),
        ("1,5;2,5\n3,5;4,5\n", ["1,5; 2,5", "3,5; 4,5"]),
        ("cup, blue;2,50\njug, red;5,-\n", ["cup, blue; 2,50", "jug, red; 5,-"]),
        ("cup;2,50 €\njug;1.200,00 €\n", ["cup; 2,50 €", "jug; 1.200,00 €"]),
        ('"cup";"2,50"\n"jug";"3,10"\n', ["cup; 2,50", "jug; 3,10"]),
        ("what\tnote\ncup\told, blue\n", ["what: cup; note: old, blue"]),
        ("what;fee\ncup,blue;2,50\n", ["what: cup,blue; fee: 2,50"]),
        ("fee\n2,50\n3,10\n", ["fee: 2,50", "fee: 3,10"]),  # one column
        ("name,tags\nAnn,x;y\n", ["name: Ann; tags: x;y"]),  # here commas separate
        ("7,x;y\n8,z;w\n", ["7; x;y", "8; z;w"]),
        ('Ann,"a; b",1\nBo,"c; d",2\n', ["Ann; a; b; 1", "Bo; c; d; 2"]),
    ],
)
def test_a_comma_in_a_number_or_between_words_separates_no_cells(text, rows) -> None:
    assert [section.text for section in read(text, ".csv")] == rows


def test_a_quote_in_a_quoted_cell_may_come_late() -> None:
    text = 'name,note\n"Ann","x"\n' + "Bo,y\n" * 9_000 + '"Cy","a ""b"""\n'

    assert read(text, ".csv")[-1].text == 'name: Cy; note: a "b"'


@pytest.mark.parametrize("mark", ["", "sep=,\n"])
def test_a_cell_may_be_long(mark) -> None:
    limit = csv.field_size_limit()

    (section,) = read(f"{mark}name,note\nAnn,{'x' * 200_000}\n", ".csv")

    assert len(section.text) == len("name: Ann; note: ") + 200_000
    assert csv.field_size_limit() == limit


def test_a_broken_table_is_named() -> None:
    assert "file.csv is not a readable table" in read_or_error('a,b\n"never closed,1\n', ".csv")


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


def test_programs_are_read_on_request_and_other_kinds_get_advice() -> None:
    assert read("x = 1", ".py", code=True) == [Section("x = 1")]
    assert remedy(".py", code=True) is None
    assert remedy(".py", code=False) == "a program. It is read as text with code=True."
    assert remedy(".xlsx", code=True) == "not read. Save each sheet as .csv."
    assert "Save the texts in it as .txt" in remedy(".json", code=True)
    assert "text recognition" in remedy(".png", code=True)
    assert remedy(".what", code=True).startswith("not read. Convert it to one of .txt, .md")


@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_sections_or_a_document_error(data, kind, code) -> None:
    found = read_or_error(data, kind, code=code)

    assert f"file{kind}" in found or all(one.text.strip() or one.heading for one in found)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_pdf_never_crashes(make_pdf, data) -> None:
    pdf = bytearray(make_pdf("One", "Two", title="T"))
    for _ in range(data.draw(st.integers(1, 8))):
        pdf[data.draw(st.integers(0, len(pdf) - 1))] = data.draw(st.integers(0, 255))

    found = read_or_error(bytes(pdf), ".pdf")

    assert "file.pdf" in found or isinstance(found, list)
