"""Make an EPUB of the built site: one file for each page, formulas as MathML, a cover.

    python book/_tools/epub_file.py [--site _build/html] [--out _build]

The same pages give the same bytes. Debian's `epubcheck` finds no error in it; a test looks, where
it is installed.
"""

from __future__ import annotations

import html
import io
import mimetypes
import os
import re
import sys
import time
import uuid
import xml.etree.ElementTree as ET
import zipfile
from itertools import groupby
from pathlib import Path

from bs4 import Tag
from build_site import last_change
from logo_picture import cover
from paper_pages import Chapter, dangling_links, read_chapters
from project import BookError, Project
from pygments.formatters import HtmlFormatter
from site_files import make_file

NAME = "llm-measured.epub"
LIMIT_MB = 15
TITLE = "Large Language Models, Measured"
SUBTITLE = "A textbook in which every claim is measured"
DESCRIPTION = (
    "How large language models work, in pages whose claims are measured on small models that run "
    "on any CPU."
)
CODE_STYLE = "a11y-high-contrast-light"
STYLES = Path(__file__).parent / "paper"
_WHEN = (1980, 1, 1, 0, 0, 0)  # of every file in the archive
_MATH = re.compile(
    r"<math([^>]*)><semantics>(.*?)"
    r'<annotation encoding="application/x-tex">(.*?)</annotation></semantics></math>',
    re.DOTALL,
)
_PAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" \
lang="en" xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body{kind}>{body}</body>
</html>
"""
_CONTAINER = """\
<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/content.opf" \
media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
_PACKAGE = """\
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>The authors of {title}</dc:creator>
<dc:language>en</dc:language>
<dc:description>{description}</dc:description>
<dc:rights>Text CC BY 4.0, code Apache-2.0</dc:rights>
{source}<dc:date>{date}</dc:date>
<meta property="dcterms:modified">{date}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta name="cover" content="cover-image"/>
</metadata>
<manifest>
{items}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    return make_file(write_epub, __doc__, arguments, project)


def write_epub(site: Path, out: Path, project: Project) -> Path:
    """Write the EPUB into ``out`` and return where it is.

    Raises:
        BookError: If a page can't stand in an EPUB, or the file is too large.
    """
    chapters = read_chapters(site.resolve(), project)
    if faults := dangling_links(chapters):
        raise BookError("links of the EPUB lead nowhere:\n" + "\n".join(faults))
    when = int(os.environ.get("SOURCE_DATE_EPOCH") or last_change(project))
    content = packed(files_of(chapters, project, when))
    if len(content) > LIMIT_MB * 1e6:
        size = f"{len(content) / 1e6:.1f} MB"
        raise BookError(
            f"the EPUB has {size}, the limit is {LIMIT_MB} MB: which pictures are large?"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / NAME).write_bytes(content)
    return out / NAME


def files_of(chapters: list[Chapter], project: Project, when: int) -> dict[str, bytes]:
    """Name and content of each file of the EPUB.

    Raises:
        BookError: If a chapter is no well-formed XML.
    """
    code = HtmlFormatter(style=CODE_STYLE).get_style_defs(".highlight")
    sheets = [(STYLES / name).read_text(encoding="utf-8") for name in ("common.css", "epub.css")]
    pictures, pages = _pictures(chapters), {}
    homes = _homes(chapters)
    for chapter in chapters:
        _without_katex(chapter.content)
        body = mathml(_linked(chapter, homes))
        for source, name in pictures.items():
            body = body.replace(f'src="{html.escape(source)}"', f'src="{name}"')
        text = _PAGE.format(title=html.escape(chapter.title), kind="", body=body)
        pages[f"{chapter.slug}.xhtml"] = _checked(chapter.slug, text)
    picture = '<img class="cover" src="cover.png" alt="{}"/>'.format(f"Cover: {TITLE}")
    files = {
        "style.css": "\n".join([*sheets, code]).encode(),
        "cover.png": cover("Large Language Models,\nMeasured", SUBTITLE),
        "cover.xhtml": _PAGE.format(
            title="Cover", kind=' epub:type="cover" class="cover-page"', body=picture
        ).encode(),
        "nav.xhtml": _checked("the contents", contents(chapters)),
        **pages,
        **{name: Path(source).read_bytes() for source, name in pictures.items()},
    }
    package = _package(files, list(pages), project, when)
    return {"content.opf": package.encode(), **files}


def contents(chapters: list[Chapter]) -> str:
    """The navigation document: parts and their pages."""
    rows = []
    for part, group in groupby(chapters, key=lambda chapter: chapter.part):
        entries = "".join(
            f'<li><a href="{chapter.slug}.xhtml">{html.escape(chapter.title)}</a></li>'
            for chapter in group
        )
        rows.append(
            f"<li><span>{html.escape(part)}</span><ol>{entries}</ol></li>" if part else entries
        )
    body = f'<nav epub:type="toc"><h1>Contents</h1><ol>{"".join(rows)}</ol></nav>'
    return _PAGE.format(title="Contents", kind="", body=body)


def packed(files: dict[str, bytes]) -> bytes:
    """The archive; the first file says what it is."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:

        def add(name: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> None:
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content, how, compresslevel=9)

        add("mimetype", b"application/epub+zip", zipfile.ZIP_STORED)
        add("META-INF/container.xml", _CONTAINER.encode())
        for name, content in files.items():
            add(f"book/{name}", content)
    return archive.getvalue()


def mathml(markup: str) -> str:
    """Let a formula be MathML that says in TeX what it shows, where a reader can't draw it.

    Args:
        markup: Formulas of KaTeX in MathML, with the TeX beside what it means.

    Example:
        >>> mathml('<math><semantics><mi>x</mi><annotation encoding="application/x-tex">x'
        ...        "</annotation></semantics></math>")
        '<math alttext="x"><mi>x</mi></math>'
    """

    def alone(match: re.Match[str]) -> str:
        words = html.escape(html.unescape(match[3]), quote=True)
        return f'<math{match[1]} alttext="{words}">{match[2]}</math>'

    return _MATH.sub(alone, markup)


def _without_katex(content: Tag) -> None:
    """Leave of each formula its MathML."""
    for formula in content.select(".katex"):
        whole = formula.find_parent(class_="katex-display") or formula
        whole.replace_with(formula.find("x-kept"))


def _homes(chapters: list[Chapter]) -> dict[str, str]:
    """The file of every id."""
    homes = {}
    for chapter in chapters:
        for tag in chapter.content.find_all(id=True):
            homes[tag["id"]] = f"{chapter.slug}.xhtml"
        homes[chapter.slug] = f"{chapter.slug}.xhtml"
    return homes


def _linked(chapter: Chapter, homes: dict[str, str]) -> str:
    own = f"{chapter.slug}.xhtml"
    for link in chapter.content.find_all("a", href=re.compile("^#")):
        home = homes[link["href"][1:]]
        link["href"] = link["href"] if home == own else f"{home}{link['href']}"
    return chapter.markup()


def _pictures(chapters: list[Chapter]) -> dict[str, str]:
    """Each picture's file, and its name in the EPUB."""
    sources = {
        image["src"] for chapter in chapters for image in chapter.content.find_all("img", src=True)
    }
    return {source: f"pictures/{Path(source).name}" for source in sorted(sources)}


def _checked(name: str, text: str) -> bytes:
    try:
        ET.fromstring(text)
    except ET.ParseError as error:
        line, column = error.position
        near = text.splitlines()[line - 1][max(0, column - 80) : column + 40]
        raise BookError(f"{name} is no XML, which an EPUB needs ({error}): {near}") from error
    return text.encode()


def _package(files: dict[str, bytes], pages: list[str], project: Project, when: int) -> str:
    items = []
    for name, content in files.items():
        kind = "application/xhtml+xml" if name.endswith(".xhtml") else mimetypes.guess_type(name)[0]
        properties = {"nav.xhtml": "nav", "cover.png": "cover-image"}.get(name, "")
        if name in pages:
            has = [word for word in ("mathml", "svg") if f"<{word[:4]}".encode() in content]
            properties = " ".join(has)
        extra = f' properties="{properties}"' if properties else ""
        key = re.sub(r"\W", "-", name.removeprefix("pictures/"))
        key = "cover-image" if name == "cover.png" else f"f-{key}"
        items.append(f'<item id="{key}" href="{name}" media-type="{kind}"{extra}/>')
    order = ["cover.xhtml", "nav.xhtml", *pages]
    spine = [f'<itemref idref="f-{re.sub(chr(92) + "W", "-", name)}"/>' for name in order]
    return _PACKAGE.format(
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, project.site_url or TITLE).urn,
        title=TITLE,
        description=DESCRIPTION,
        source=f"<dc:source>{project.site_url}</dc:source>\n" if project.site_url else "",
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when)),
        items="\n".join(items),
        spine="\n".join(spine),
    )


if __name__ == "__main__":
    sys.exit(main())
