"""A packed PDF is the same PDF, and smaller."""

import io
import zlib

import pdf_packing
import pytest
from project import BookError

pypdf = pytest.importorskip("pypdf")


def pdf(pages: int = 300) -> bytes:
    """A PDF with small objects in plain text, written as Chromium writes one."""
    bodies = {
        1: b"<</Title (Book)>>",
        2: b"<</Type /Catalog\n/Pages 3 0 R\n/Lang (en)>>",
        3: b"<</Type /Pages\n/Count %d\n/Kids [%b]>>"
        % (pages, b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(pages))),
    }
    for page in range(pages):
        text = zlib.compress(b"BT (%d endobj) Tj ET" % page)
        bodies[4 + 2 * page] = (
            b"<</Type /Page\n/Parent 3 0 R\n/MediaBox [0 0 9 9]\n/Contents %d 0 R>>"
            % (5 + 2 * page)
        )
        head = b"<</Filter /FlateDecode\n/Length %d>>" % len(text)
        bodies[5 + 2 * page] = head + b" stream\n" + text + b"\nendstream"
    out, offsets = b"%PDF-1.4\n", {}
    for number, body in sorted(bodies.items(), reverse=True):  # in any order
        offsets[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    table += b"".join(b"%010d 00000 n \n" % offset for _, offset in sorted(offsets.items()))
    trailer = b"trailer\n<</Size %d\n/Root 2 0 R\n/Info 1 0 R>>\n" % (len(bodies) + 1)
    return out + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(out)


def test_a_packed_pdf_has_the_same_objects_and_is_smaller():
    content = pdf()

    packed = pdf_packing.packed(content)

    before, after = (pypdf.PdfReader(io.BytesIO(one), strict=True) for one in (content, packed))
    assert len(packed) < 0.7 * len(content)
    assert after.metadata == before.metadata == {"/Title": "Book"}
    assert after.trailer["/Root"]["/Lang"] == "en"
    texts = [[page.get_contents().get_data() for page in one.pages] for one in (before, after)]
    assert texts[0] == texts[1]
    assert len(set(texts[1])) == 300


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (b"no PDF", "is not built as Chromium builds one"),
        (pdf(1).replace(b"3 0 obj", b"3 0 xyz"), "is no object"),
    ],
)
def test_a_pdf_of_another_kind_is_refused(broken, message):
    with pytest.raises(BookError, match=message):
        pdf_packing.packed(broken)
