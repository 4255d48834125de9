"""Check a built site; the exit status is 1 if anything is wrong.

    python book/_tools/check_site.py SITE [--prefix /x/]

Faults: broken internal links and anchors, requests to third parties, failed formulas, pictures
without a description, Colab links to notebooks that do not exist, links from the notebooks to
pages that do not exist, pages that are too heavy. PREFIX is the path under which the site is
published.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import re
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote, urlsplit

from html_facts import HtmlFacts, css_addresses, read_html, script_addresses
from project import NOTEBOOKS_BRANCH, BookError, Project, find_project

MEDIAN_LIMIT_KB = 150
FORMULAS_KB = 300  # what draws formulas in the reader's browser, where node was missing
PAGE_LIMIT_KB = 300
MANY_PAGES = 30  # other processes are worth their start
_COLAB = re.compile(
    r"https://colab\.research\.google\.com/github/(?P<repository>[^/]+/[^/]+)"
    r"/blob/(?P<branch>[^/]+)/(?P<path>.+)"
)
_MARKDOWN_LINK = re.compile(r"\]\((https://[^)\s]+)\)")


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, help="folder with index.html")
    parser.add_argument("--prefix", help="path of the published site (default: from its address)")
    options = parser.parse_args(arguments)
    try:
        project = project or find_project()
        if not (options.site / "index.html").is_file():
            raise BookError(f"{options.site} has no index.html; build the site first")
        return check(options.site, options.prefix or project.site_path, project)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def check(folder: Path, prefix: str, project: Project) -> int:
    """Print all faults and the page weights; returns 1 if there is a fault, else 0."""
    site = Site(folder.resolve(), f"/{prefix.strip('/')}/".replace("//", "/"))
    faults = [fault for page in site.pages for fault in page_faults(site, page, project)]
    faults += asset_faults(site)
    faults += notebook_faults(site, project)
    weights = {page: site.weight_kb(page) for page in site.pages}
    faults += weight_faults(site, weights)
    for fault in faults:
        print(f"fault: {fault}")
    heaviest = max(weights, key=weights.__getitem__)
    print(
        f"{len(weights)} pages, {len(faults)} faults; gzipped with all assets: "
        f"median {statistics.median(weights.values()):.0f} kB, "
        f"heaviest {weights[heaviest]:.0f} kB ({site.name(heaviest)})"
    )
    return 1 if faults else 0


class Site:
    """The files of a built site and how addresses lead to them."""

    def __init__(self, folder: Path, prefix: str, pages: str = "*.html") -> None:
        """Read the pages below ``folder``, which is published under the path ``prefix``."""
        self.folder = folder
        self.prefix = prefix
        paths = sorted(folder.rglob(pages))
        paths = [path for path in paths if "_static" not in path.relative_to(folder).parts]
        self.pages: dict[Path, HtmlFacts] = dict(zip(paths, _read(paths), strict=True))

    def name(self, path: Path) -> str:
        """A file's path below the site's root."""
        return str(path.relative_to(self.folder))

    def resolve(self, url: str, base: Path) -> Path:
        """The file that an internal address in the file ``base`` leads to."""
        path = unquote(urlsplit(url).path)
        if path.startswith(self.prefix):
            target = self.folder / path[len(self.prefix) :]
        elif path.startswith("/"):
            target = self.folder / path[1:]
        else:
            target = (base.parent / path).resolve() if path else base
        return target / "index.html" if target.is_dir() else target

    def has_anchor(self, page: Path, fragment: str) -> bool:
        """Whether ``#fragment`` leads to a place in the page; top and text fragments do."""
        ids = self.pages[page].ids
        return fragment in ids or unquote(fragment) in ids or fragment in ("", "top")

    def weight_kb(self, page: Path) -> float:
        """Gzipped size of a page with everything on this site that it loads, in kB."""
        return sum(_gzipped_bytes(path) for path in self.loaded(page)) / 1000

    def loaded(self, page: Path) -> set[Path]:
        """A page and everything on this site that it loads, style sheets and their fonts too."""
        files, waiting = {page}, [(url, page) for url in self.pages[page].resources]
        while waiting:
            url, base = waiting.pop()
            target = self.resolve(url, base)
            if is_internal(url) and target not in files and target.is_file():
                files.add(target)
                if target.suffix == ".css":
                    text = target.read_text(encoding="utf-8")
                    waiting += [(address, target) for address in css_addresses(text)]
        return files


def _read(paths: list[Path]) -> list[HtmlFacts]:
    """Read pages; many of them on all cores."""
    if len(paths) < MANY_PAGES:
        return [_read_page(path) for path in paths]
    often = (50_000, 100, 100)  # trees are large; by default, Python looks through them too often
    context = get_context("spawn")
    with ProcessPoolExecutor(None, context, gc.set_threshold, often) as pool:
        return list(pool.map(_read_page, paths, chunksize=4))


def _read_page(path: Path) -> HtmlFacts:
    return read_html(path.read_text(encoding="utf-8"))


@cache
def _gzipped_bytes(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), compresslevel=6))


def is_internal(url: str) -> bool:
    """Whether an address is on the site itself."""
    parts = urlsplit(url)
    return not parts.scheme and not parts.netloc


def page_faults(site: Site, page: Path, project: Project) -> list[str]:
    """Everything wrong with one page, except its weight."""
    facts, name = site.pages[page], site.name(page)
    faults = [f"{name}: {fault}" for fault in facts.faults]
    for url in facts.resources:
        if is_internal(url):
            faults += _internal_faults(site, page, url)
        elif urlsplit(url).scheme != "data":
            faults.append(f"{name}: loads something from a third party: {url}")
    for url in facts.links:
        if is_internal(url):
            faults += _internal_faults(site, page, url)
        elif match := _COLAB.match(url):
            faults += _colab_faults(site, name, match, project)
    return faults


def _internal_faults(site: Site, page: Path, url: str) -> list[str]:
    target, fragment = site.resolve(url, page), urlsplit(url).fragment
    if not target.is_file():
        return [f"{site.name(page)}: link to a file that does not exist: {url}"]
    if target in site.pages and not site.has_anchor(target, fragment):
        return [f"{site.name(page)}: link to an anchor that does not exist: {url}"]
    return []


def _colab_faults(site: Site, name: str, match: re.Match[str], project: Project) -> list[str]:
    path = unquote(urlsplit(match["path"]).path)
    if match["repository"] != project.repository:
        return [f"{name}: the Colab link leads to {match['repository']}, not {project.repository}"]
    if match["branch"] != NOTEBOOKS_BRANCH or not (site.folder / "notebooks" / path).is_file():
        return [f"{name}: the Colab link leads to a file that does not exist: {path}"]
    return []


def asset_faults(site: Site) -> list[str]:
    """Missing files and third parties named in style sheets and scripts."""
    faults = []
    loaded = {
        site.resolve(url, page) for page, facts in site.pages.items() for url in facts.resources
    }
    for path in sorted(loaded):
        if not path.is_file() or path.suffix not in (".css", ".js"):
            continue
        text = path.read_text(encoding="utf-8")
        is_style = path.suffix == ".css"
        for url in css_addresses(text) if is_style else script_addresses(text):
            if not is_internal(url):
                faults.append(f"{site.name(path)}: loads something from a third party: {url}")
            elif not site.resolve(url, path).is_file():
                faults.append(f"{site.name(path)}: names a file that does not exist: {url}")
    return faults


def notebook_faults(site: Site, project: Project) -> list[str]:
    """Links from the downloadable notebooks to places on the site that do not exist."""
    faults = []
    index = site.folder / "index.html"
    for notebook in sorted((site.folder / "notebooks").rglob("*.ipynb")):
        for url in sorted(set(_MARKDOWN_LINK.findall(notebook.read_text(encoding="utf-8")))):
            if project.site_url and url.startswith(project.site_url):
                inside = url.removeprefix(project.site_url)
                for fault in _internal_faults(site, index, inside):
                    faults.append(fault.replace("index.html", site.name(notebook), 1))
    return faults


def weight_faults(site: Site, weights: dict[Path, float]) -> list[str]:
    """Pages over the limit, and a median over its limit."""
    resources = (url for facts in site.pages.values() for url in facts.resources)
    formulas = FORMULAS_KB * any("katex.min.js" in url for url in resources)
    limit = PAGE_LIMIT_KB + formulas
    faults = [
        f"{site.name(page)}: {weight:.0f} kB, the limit is {limit} kB"
        for page, weight in weights.items()
        if weight > limit
    ]
    median, limit = statistics.median(weights.values()), MEDIAN_LIMIT_KB + formulas
    if median > limit:
        faults.append(f"the median page has {median:.0f} kB, the limit is {limit} kB")
    return faults


if __name__ == "__main__":
    sys.exit(main())
