"""Make a PDF of Chromium small: most of it are small objects in plain text, one for each tag.

PDF 1.5 has a place for such objects, streams of objects, which are compressed (ISO 32000-1, 7.5.7),
and a table of contents of the file that knows them (7.5.8). Nothing of the content changes.
Leaves out: files with updates or passwords, which Chromium does not write.
"""

from __future__ import annotations

import re
import struct
import zlib

from project import BookError

_PER_STREAM = 200  # objects
_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_TABLE = re.compile(rb"xref\s+0 (\d+)\s+")
_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*)\sendobj\s*$", re.DOTALL)
_ROW = 20  # bytes of an entry in the table


def packed(content: bytes) -> bytes:
    """Return the same PDF with its small objects in compressed streams.

    Args:
        content: A PDF as Chromium writes it, with one table of its objects.

    Raises:
        BookError: If it is built in another way.
    """
    objects, trailer = _objects(content)
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
    small = []
    for number, body in objects.items():
        if body.endswith(b"endstream"):
            places[number] = (1, len(out), 0)
            out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
        else:
            small.append((number, body))
    following = max(objects) + 1
    for start in range(0, len(small), _PER_STREAM):
        some = small[start : start + _PER_STREAM]
        for index, (number, _) in enumerate(some):
            places[number] = (2, following, index)
        places[following] = (1, len(out), 0)
        out += _stream(following, *_together(some))
        following += 1
    places[following] = (1, len(out), 0)
    start = len(out)
    rows = b"".join(
        struct.pack(">BIH", *places.get(number, (0, 0, 65535))) for number in range(following + 1)
    )
    head = b"/Type /XRef /W [1 4 2] /Size %d %b" % (following + 1, trailer)
    out += _stream(following, head, rows)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _objects(content: bytes) -> tuple[dict[int, bytes], bytes]:
    """Body of each object by its number, and what the trailer says beside the number of them."""
    end = _START.search(content[-64:])
    table = _TABLE.match(content, int(end[1])) if end else None
    if table is None:
        raise BookError("this PDF is not built as Chromium builds one; see pdf_packing.py")
    start = int(end[1])
    rows = [
        content[table.end() + _ROW * index : table.end() + _ROW * (index + 1)]
        for index in range(int(table[1]))
    ]
    offsets = sorted(int(row[:10]) for row in rows if row[17:18] == b"n")
    objects = {}
    for first, last in zip(offsets, [*offsets[1:], start], strict=True):
        match = _OBJECT.match(content[first:last])
        if match is None:
            raise BookError(f"at byte {first} of the PDF is no object; see pdf_packing.py")
        objects[int(match[1])] = match[2]
    trailer = content[table.end() + _ROW * len(rows) :]
    inside = re.search(rb"trailer\s*<<(.*)>>", trailer, re.DOTALL)
    return dict(sorted(objects.items())), re.sub(rb"/Size \d+", b"", inside[1]).strip()


def _together(objects: list[tuple[int, bytes]]) -> tuple[bytes, bytes]:
    """What the dictionary of a stream of objects says, and what is in it."""
    pairs, bodies, at = [], [], 0
    for number, body in objects:
        pairs.append(b"%d %d" % (number, at))
        bodies.append(body)
        at += len(body) + 1
    head = b" ".join(pairs) + b"\n"
    dictionary = b"/Type /ObjStm /N %d /First %d" % (len(objects), len(head))
    return dictionary, head + b"\n".join(bodies)


def _stream(number: int, dictionary: bytes, content: bytes) -> bytes:
    packed_content = zlib.compress(content, 9)
    head = b"<<%b /Filter /FlateDecode /Length %d>>" % (dictionary, len(packed_content))
    return b"%d 0 obj\n%b\nstream\n%b\nendstream\nendobj\n" % (number, head, packed_content)
