"""Make a PDF of the built site: tagged, with an outline, a table of contents and page numbers.

    python book/_tools/pdf_file.py [--site _build/html] [--out _build]

All pages go into one HTML file, which Chromium prints. It is printed twice: the first PDF says on
which page each link ends, the second one shows it. Needs Chromium and its driver (Debian: apt-get
install chromium chromium-driver) and selenium, which the extra `test` has.
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from build_site import last_change
from paper_pages import Chapter, dangling_links, read_chapters
from pdf_packing import packed
from project import BookError, Project
from pygments.formatters import HtmlFormatter
from pypdf import PdfReader
from site_files import make_file

NAME = "llm-measured.pdf"
LIMIT_MB = 15
TITLE = "Large Language Models, Measured"
CODE_STYLE = "a11y-high-contrast-light"
STYLES = Path(__file__).parent / "paper"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_TEXT_PIXELS = 658  # width of the text on A4 with the margins of pdf.css, at 96 pixels an inch
_PRINT = {
    "printBackground": True,
    "preferCSSPageSize": True,
    "generateTaggedPDF": True,
    "generateDocumentOutline": True,
    "transferMode": "ReturnAsStream",
}
_PIECE = 1 << 22  # bytes
_SECONDS = 1800
_SHOWN = 20  # letters without a font
_LEFT_BLANK = "000"  # where a page number will stand
_TOO_WIDE = """\
const faults = [];
for (const chapter of document.querySelectorAll("article")) {
  const right = chapter.getBoundingClientRect().right + 1;
  for (const node of chapter.querySelectorAll("table, pre, img, svg, .katex-html, h1, h2, h3, p")) {
    const box = node.getBoundingClientRect();
    if (box.width && box.right > right) {
      const section = node.closest("section")?.querySelector("h1, h2, h3")?.textContent ?? "";
      faults.push([chapter.id, section, node.className.baseVal ?? node.className,
                   node.tagName.toLowerCase(), Math.round(box.right - right)]);
    }
  }
}
return faults;
"""
_WITHOUT_A_FONT = """\
const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 32});
const context = canvas.getContext("2d", {willReadFrequently: true});
context.font = "20px serif";
function drawn(character) {
  context.clearRect(0, 0, 32, 32);
  context.fillText(character, 4, 24);
  return context.getImageData(0, 0, 32, 32).data.join();
}
const nothing = drawn("\\u{10fffe}"); // a character that no font has
const text = document.querySelector("main").textContent;
const letters = [...new Set(text)].filter((one) => /\\p{L}/u.test(one) && one > "\\u00ff");
return letters.filter((one) => drawn(one) === nothing);
"""
_WHAT_TO_DO = {
    "table": "give it fewer columns or shorter words",
    "pre": "break the line",
    "img": "draw it narrower",
    "svg": "draw it narrower",
    "span": "break the formula into two lines",
}


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    return make_file(write_pdf, __doc__, arguments, project)


def write_pdf(site: Path, out: Path, project: Project) -> Path:
    """Write the PDF into ``out`` and return where it is.

    Raises:
        BookError: If there is no browser, something does not fit, or the file is too large.
    """
    site = site.resolve()
    chapters = read_chapters(site, project)
    if faults := dangling_links(chapters):
        raise BookError("links of the PDF lead nowhere:\n" + "\n".join(faults))
    text = one_page(chapters, site, project)
    with tempfile.TemporaryDirectory() as work, browser() as driver:
        page = Path(work) / "book.html"
        print(f"printing {len(chapters)} chapters, to learn their page numbers ...", flush=True)
        pages = page_numbers(_printed(driver, page, text))
        if missing := without_a_font(driver):
            print(
                f"note: no font here has {missing[:_SHOWN]}, in all {len(missing)} letters, which "
                "are empty boxes in the PDF.\n"
                "      to install some: sudo apt-get install fonts-noto-cjk fonts-noto-core"
            )
        print("printing them with page numbers ...", flush=True)
        content = _printed(driver, page, numbered(text, pages))
    when = int(os.environ.get("SOURCE_DATE_EPOCH") or last_change(project))
    content = packed(dated(content, when))
    if len(content) > LIMIT_MB * 1e6:
        size = f"{len(content) / 1e6:.1f} MB"
        raise BookError(
            f"the PDF has {size}, the limit is {LIMIT_MB} MB: which pictures are large?"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / NAME).write_bytes(content)
    return out / NAME


def one_page(chapters: list[Chapter], site: Path, project: Project) -> str:
    """The whole book as one HTML file."""
    sheets = [site / "_static/vendor/katex/katex.min.css", STYLES / "common.css"]
    sheets += [STYLES / "pdf.css"]
    links = "".join(f'<link rel="stylesheet" href="{sheet.as_uri()}">' for sheet in sheets)
    code = HtmlFormatter(style=CODE_STYLE).get_style_defs(".highlight")
    site = project.site_url
    address = f'<p><a href="{site}">{site}</a></p>' if site else ""
    body = "".join(_with_page_numbers(chapter.markup()) for chapter in chapters)
    body = re.sub(r' src="(/[^"]*)"', lambda match: f' src="{Path(match[1]).as_uri()}"', body)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f'<meta name="author" content="The authors of {TITLE}">{links}<style>{code}</style></head>'
        f'<body><header class="title-page"><p class="book-title">{TITLE}</p>'
        f"<p>A textbook in which every claim is measured on the page</p>{address}</header>"
        f"{contents(chapters)}<main>{body}</main></body></html>"
    )


def contents(chapters: list[Chapter]) -> str:
    """The table of contents, with room for page numbers."""
    rows, part = [], ""
    for chapter in chapters[1:]:  # after the title page of the site
        if chapter.part != part:
            part = chapter.part
            rows.append(f'<li class="part">{html.escape(part)}</li>')
        title = html.escape(chapter.title)
        number = f'<span class="page-number" data-to="{chapter.slug}">{_LEFT_BLANK}</span>'
        rows.append(
            f'<li><a href="#{chapter.slug}"><span class="title">{title}</span>{number}</a></li>'
        )
    return f'<nav class="contents"><p class="heading">Contents</p><ul>{"".join(rows)}</ul></nav>'


def _with_page_numbers(markup: str) -> str:
    """Say on which page solutions and answers are."""
    return re.sub(
        r'(<a class="paper-see" href="#([^"]+)">)at the end</a>',
        rf'\1page <span class="page-number" data-to="\2">{_LEFT_BLANK}</span></a>',
        markup,
    )


def numbered(text: str, pages: dict[str, int]) -> str:
    """Fill in the page numbers."""
    return re.sub(
        rf'data-to="([^"]+)">{_LEFT_BLANK}<',
        lambda match: f'data-to="{match[1]}">{pages[match[1]]}<',
        text,
    )


def page_numbers(content: bytes) -> dict[str, int]:
    """On which page each target of a link in a PDF is, counted from 1."""
    reader = PdfReader(io.BytesIO(content))
    numbers = {page.indirect_reference.idnum: index for index, page in enumerate(reader.pages, 1)}
    return {
        name.removeprefix("/"): numbers[target.raw_get("/Page").idnum]
        for name, target in reader.named_destinations.items()
    }


def dated(content: bytes, when: int) -> bytes:
    """Set the dates of a PDF to those of its text, in place, since its parts are found by bytes."""
    stamp = time.strftime("D:%Y%m%d%H%M%S", time.gmtime(when)).encode()
    return re.sub(rb"(/(?:Creation|Mod)Date \()D:\d{14}", rb"\g<1>" + stamp, content)


def too_wide(driver: Any) -> list[str]:
    """What of the page that is open is wider than a sheet of paper."""
    return [
        f"{chapter}, {section.strip('# ')!r}: a {tag} ({kind or 'no class'}) is {pixels} pixels "
        f"too wide: {_WHAT_TO_DO.get(tag, 'make it narrower')}"
        for chapter, section, kind, tag, pixels in driver.execute_script(_TOO_WIDE)
    ]


def without_a_font(driver: Any) -> str:
    """The letters of the page that is open which no installed font has."""
    return "".join(driver.execute_script(_WITHOUT_A_FONT))


def _printed(driver: Any, page: Path, text: str) -> bytes:
    """Print a page; returns the PDF."""
    page.write_text(text, encoding="utf-8")
    driver.get(page.as_uri())
    driver.execute_async_script(
        "const [done] = arguments;"
        "Promise.all([document.fonts.ready, ...[...document.images].map((image) => image.decode()"
        ".catch(() => {}))]).then(() => done())"
    )
    missing = driver.execute_script(
        "return [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
        ".concat([...document.fonts].filter(f => f.status === 'error').map(f => f.family))"
    )
    if missing:
        raise BookError(
            "pictures or fonts did not load; build the site again:\n" + "\n".join(missing)
        )
    if faults := too_wide(driver):
        raise BookError("not everything fits on a sheet of A4:\n" + "\n".join(faults))
    handle = driver.execute_cdp_cmd("Page.printToPDF", _PRINT)["stream"]
    content, is_done = b"", False
    while not is_done:
        piece = driver.execute_cdp_cmd("IO.read", {"handle": handle, "size": _PIECE})
        content += base64.b64decode(piece["data"])
        is_done = piece["eof"]
    driver.execute_cdp_cmd("IO.close", {"handle": handle})
    return content


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window and without a network, as wide as the text on paper.

    Raises:
        BookError: If it is not installed.
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver_program = shutil.which("chromedriver")
    if not (program and driver_program):
        raise BookError(
            "the PDF needs Chromium and its driver. To install them: "
            "sudo apt-get install chromium chromium-driver"
        )
    try:
        from selenium import webdriver
    except ImportError as error:
        raise BookError("the PDF needs selenium: .venv/bin/pip install selenium") from error
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
    try:
        driver.command_executor.client_config.timeout = _SECONDS
        driver.set_script_timeout(_SECONDS)
        driver.set_page_load_timeout(_SECONDS)
        size = {"width": _TEXT_PIXELS, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        yield driver
    finally:
        driver.quit()


if __name__ == "__main__":
    sys.exit(main())
