"""Pack a page of exercises for a learning platform: a SCORM 1.2 zip of a built site's page.

    python book/_tools/scorm.py gpt --site _build/html --out gpt-scorm.zip

The page checks answers in the browser, as on the site, and reports its score to the platform, which
keeps it. Links to other pages lead to the published site. The package holds all that the page
loads, so the platform needs no network. Scores come from a browser, which a student controls: grade
with ``companion grade`` where it matters.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urljoin
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from check_site import Site, is_internal
from project import BookError, Project, find_project

_CONTENT = "http://www.imsproject.org/xsd/imscp_rootv1p1p2"
_ADL = "http://www.adlnet.org/xsd/adlcp_rootv1p2"
_IMPORT = re.compile(
    r"""(?:^(?:import|export)\b[^"';]*|\bimport\()["'](\.{1,2}/[^"']+)["']""", re.MULTILINE
)
_WHEN = (1980, 1, 1, 0, 0, 0)
_ELSEWHERE = (  # what leads around the site
    ".bd-sidebar-primary",
    ".bd-header-article",
    ".prev-next-footer",
    ".search-button__wrapper",
    ".run-line",
    'script[src*="sidebar.js"]',
    'script[src*="offline.js"], link[rel="manifest"]',  # the platform is what keeps a course
    'link[rel="search"], link[rel="index"], link[rel="next"], link[rel="prev"]',
)


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", help="folder of the section, such as gpt")
    parser.add_argument("--site", type=Path, default=Path("_build/html"), help="the built site")
    parser.add_argument("--out", type=Path, help="the zip (default: SECTION-scorm.zip)")
    options = parser.parse_args(arguments)
    out = options.out or Path(f"{options.section}-scorm.zip")
    try:
        count = pack(options.site, options.section, out, project or find_project())
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{out}: {count} files, {out.stat().st_size / 1e6:.1f} MB")
    return 0


def pack(site_folder: Path, section: str, out: Path, project: Project) -> int:
    """Write the package; returns how many files it has.

    Raises:
        BookError: If the site has no such page of exercises.
    """
    page = site_folder.resolve() / "book" / section / "exercises.html"
    if not page.is_file():
        raise BookError(f"{page} is not there; run `make book`, and name a section such as gpt")
    name = f"book/{section}/exercises.html"
    site = Site(site_folder.resolve(), project.site_path, pages=name)
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    title = soup.h1.get_text().rstrip("#").strip()
    files = {site.name(path): path.read_bytes() for path in loaded(site, page)}
    address = urljoin(project.site_url, name) if project.site_url else ""
    files[name] = alone(soup, address).encode()
    manifest = manifest_text(f"companion-{section}", title, name, sorted(files))
    files = {"imsmanifest.xml": manifest.encode(), **files}
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _WHEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return len(files)


def loaded(site: Site, page: Path) -> set[Path]:
    """All files that the page needs, those that its scripts load as well.

    Raises:
        BookError: If a script imports one that is not there.
    """
    static = site.folder / "_static"
    runtime = json.loads((static / "exercises" / "runtime.json").read_text(encoding="utf-8"))
    more = {static / file["at"] for file in runtime["files"].values()}
    more |= {path for path in (static / "exercises").iterdir() if path.is_file()}
    more.add(static / "elements.js")
    more |= set((static / "vendor" / "pyodide").glob("*.txt"))  # licences
    needed = site.loaded(page) | more
    return with_imports({path for path in needed if static / "offline" not in path.parents})


def with_imports(files: set[Path]) -> set[Path]:
    """Return files with the modules that those among them import, and those that these import."""
    found, waiting = set(files), [path for path in files if path.suffix == ".js"]
    while waiting:
        script = waiting.pop()
        for address in _IMPORT.findall(script.read_text(encoding="utf-8")):
            target = (script.parent / address).resolve()
            if not target.is_file():
                raise BookError(f"{script} imports {address}, which is not there: run `make book`")
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def alone(soup: BeautifulSoup, address: str) -> str:
    """Return the page without the rest of the site, and with the script that reports the score.

    Args:
        soup: The page, which is changed.
        address: Where the page is published; its links lead there. Without one they are text.
    """
    for selector in _ELSEWHERE:
        for tag in soup.select(selector):
            tag.decompose()
    for link in soup.select("a[href]"):
        if is_internal(link["href"]) and not link["href"].startswith("#"):
            if not address:
                link.unwrap()
                continue
            link["href"] = urljoin(address, link["href"])
            link["target"], link["rel"] = "_blank", "noopener"
    first = soup.select_one('script[src*="exercises/page.js"]')
    if first is None:
        raise BookError("the page has no script of exercises; build the site again")
    source = first["src"].split("?")[0].replace("page.js", "scorm.js")
    first.insert_before(soup.new_tag("script", src=source))
    return str(soup)


def manifest_text(identifier: str, title: str, page: str, files: Iterable[str]) -> str:
    """Return ``imsmanifest.xml``: one organization, one item, one resource that is a SCO."""
    ElementTree.register_namespace("", _CONTENT)
    ElementTree.register_namespace("adlcp", _ADL)

    def add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> object:
        child = ElementTree.SubElement(parent, f"{{{_CONTENT}}}{name}", attributes)
        child.text = text or None
        return child

    root = ElementTree.Element(f"{{{_CONTENT}}}manifest", identifier=identifier, version="1.0")
    metadata = add(root, "metadata")
    add(metadata, "schema", "ADL SCORM")
    add(metadata, "schemaversion", "1.2")
    organizations = add(root, "organizations", default="book")
    organization = add(organizations, "organization", identifier="book")
    add(organization, "title", title)
    item = add(organization, "item", identifier="item-1", identifierref="page", isvisible="true")
    add(item, "title", title)
    resource = add(
        add(root, "resources"), "resource", identifier="page", type="webcontent", href=page
    )
    resource.set(f"{{{_ADL}}}scormtype", "sco")
    for file in files:
        add(resource, "file", href=file)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


if __name__ == "__main__":
    sys.exit(main())
