"""Offer the PDF and the EPUB on the title page of a built site.

Where no such file was made, the title page names none: the line is written here.
"""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from offline_files import add_offline
from project import BookError

KINDS = {".pdf": "PDF", ".epub": "EPUB"}
_LINE = re.compile(r'<p class="site-files">.*?</p>\n', re.DOTALL)
_PLACE = re.compile(r'(<div class="[^"]*\bkeep-offline\b[^"]*">.*?</div>\n)', re.DOTALL)


def offer(site: Path, file: Path) -> None:
    """Copy a file into the site and name it on the title page, in place of an older one.

    Args:
        site: Folder with ``index.html``.
        file: A PDF or an EPUB.

    Raises:
        BookError: If the title page has no place for it.
    """
    shutil.copy2(file, site / file.name)
    index = site / "index.html"
    text = _LINE.sub("", index.read_text(encoding="utf-8"))
    files = sorted((path for kind in KINDS for path in site.glob(f"*{kind}")), reverse=True)
    text, count = _PLACE.subn(lambda match: match[0] + line(files), text, count=1)
    if not count:
        raise BookError("index.md has no {container} keep-offline, below which files are offered")
    index.write_text(text, encoding="utf-8")
    add_offline(site)


def line(files: list[Path]) -> str:
    """The line of the title page, with the sizes.

    Args:
        files: Files in the root of the site.
    """
    links = ", ".join(
        f'<a href="{html.escape(path.name)}">{KINDS[path.suffix]} '
        f"({path.stat().st_size / 1e6:.1f} MB)</a>"
        for path in files
    )
    return f'<p class="site-files">As a file, without what needs scripts: {links}.</p>\n'
