"""The command line of PDF and EPUB, and the line that offers them on the title page of a site.

Where no such file was made, the title page names none: the line is written here.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from offline_files import add_offline
from project import BookError, Project, find_project

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


def make_file(
    write: Callable[[Path, Path, Project], Path],
    description: str,
    arguments: list[str] | None,
    project: Project | None,
) -> int:
    """Run a command line that makes a file of the built site and offers it; the exit status.

    Args:
        write: Takes the built site, the folder for the result and the project; returns the file.
        description: What ``--help`` says.
        arguments: Those of the command line. None takes those of the process.
        project: None looks for it.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--site", type=Path, default=Path("_build/html"), help="the built site")
    parser.add_argument("--out", type=Path, default=Path("_build"), help="folder for the result")
    options = parser.parse_args(arguments)
    project = project or find_project()
    started = time.perf_counter()
    try:
        path = write(project.root / options.site, project.root / options.out, project)
        offer(project.root / options.site, path)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {seconds:.0f} s")
    return 0
