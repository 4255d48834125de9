"""Word documents, notebooks and tables, each read by what knows its format."""

import csv
import io
import json
import zipfile

import pytest

from companion.rag.formats import MAX_UNPACKED
from companion.rag.sections import Section
from tests.rag.reading import read, read_or_error

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


PACKAGE = "http://schemas.openxmlformats.org/package/2006"


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"


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
        ("no json", "not JSON, or cut off"),
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
