"""Where things are: the repository's folders, its public addresses, its pages.

Every tool of the book imports this module; it imports none of them. It knows nothing about
MyST, notebooks or HTML.

From a page to the site: `notebook_file` makes cells of a page, `execution` runs them, and the
notebook keeps their outputs (``notebook.py``). `prime_cache` hands pages and outputs to Jupyter
Book with the extensions of ``book/_ext``, `lean_site` makes the result small, and `check_site`
looks at it before it replaces the old one (``build_site.py``).
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

BRANCH = "main"
NOTEBOOKS_BRANCH = "notebooks"  # those that Colab opens: they know their repository
_REPOSITORY_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/(?!\.{1,2}$)[\w.-]+")


class BookError(Exception):
    """A mistake in a page or in the way a tool was called; its text is all the author needs."""


@dataclass(frozen=True)
class Page:
    """One page of the book, named as in ``_toc.yml`` without the leading ``book/``."""

    name: str
    source: Path
    notebook: Path

    @property
    def url(self) -> str:
        """Address of the page below the site's root."""
        return f"book/{self.name}.html"

    def text(self) -> str:
        """The page's MyST source."""
        return self.source.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Project:
    """A checkout of the book.

    Attributes:
        root: Its folder.
        repository: Its name on GitHub, "owner/name"; empty where that is not known.
    """

    root: Path
    repository: str = ""

    @property
    def book(self) -> Path:
        """Folder with the pages."""
        return self.root / "book"

    @property
    def notebooks(self) -> Path:
        """Folder with the generated notebooks."""
        return self.book / "notebooks"

    @property
    def timings(self) -> Path:
        """File with the measured run times."""
        return self.book / "_data" / "timings.json"

    @property
    def gpu(self) -> Path:
        """File with what was measured on a GPU; there is none before the first run."""
        return self.book / "_data" / "gpu.json"

    @property
    def exercises(self) -> Path:
        """File with the exercises of each page."""
        return self.book / "_data" / "exercises.json"

    @property
    def site_url(self) -> str:
        """Address of the published site, with a final slash; empty without a repository."""
        return site_url(self.repository) if self.repository else ""

    @property
    def site_path(self) -> str:
        """The path part of that address, "/" without a repository."""
        return urlsplit(self.site_url).path or "/"

    def page(self, name: str) -> Page:
        """The page called ``name``; it need not exist."""
        return Page(name, self.book / f"{name}.md", self.notebooks / f"{name}.ipynb")

    def pages(self) -> list[Page]:
        """All pages below ``book/`` that ``_toc.yml`` lists, in reading order.

        Raises:
            BookError: If a listed page has no file.
        """
        toc = yaml.safe_load((self.root / "_toc.yml").read_text(encoding="utf-8"))
        names = [name.removeprefix("book/") for name in _files(toc) if name.startswith("book/")]
        pages = [self.page(name) for name in names]
        missing = [f"book/{page.name}.md" for page in pages if not page.source.is_file()]
        if missing:
            raise BookError(f"_toc.yml lists pages that do not exist: {', '.join(missing)}")
        return pages

    def find_pages(self, wanted: list[str]) -> list[Page]:
        """The pages that ``wanted`` names: ``gpt/sampling``, ``sampling`` or a path to the file.

        Args:
            wanted: Names as typed by the author; empty means all pages.

        Raises:
            BookError: If a name matches no page or more than one.
        """
        pages = self.pages()
        return [_match(pages, name) for name in wanted] if wanted else pages


def _files(node: object) -> list[str]:
    """All values under a ``file`` key of a table of contents, in order."""
    if isinstance(node, list):
        return [name for item in node for name in _files(item)]
    if not isinstance(node, dict):
        return []
    here = [node["file"]] if "file" in node else []
    return here + [name for value in node.values() for name in _files(value)]


def _match(pages: list[Page], wanted: str) -> Page:
    plain = re.sub(r"\.(md|ipynb)$", "", wanted.replace("\\", "/"))
    plain = plain.split("book/notebooks/")[-1].split("book/")[-1].removeprefix("./")
    matches = [page for page in pages if plain in (page.name, page.name.rsplit("/", 1)[-1])]
    if len(matches) == 1:
        return matches[0]
    problem = "several pages match" if matches else "no page is called"
    names = ", ".join(page.name for page in matches or pages)
    raise BookError(f"{problem} {wanted!r}; pages: {names}")


def site_url(repository: str) -> str:
    """Address under which GitHub Pages publishes ``repository`` ("owner/name")."""
    owner, name = repository.split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def check_repository(repository: str) -> str:
    """Return ``repository`` if it looks like "owner/name".

    Raises:
        BookError: If it does not.
    """
    if not _REPOSITORY_PATTERN.fullmatch(repository):
        raise BookError(f"a repository is written OWNER/NAME, not {repository!r}")
    return repository


def find_repository(root: Path) -> str:
    """The repository's GitHub name, from the environment or git's origin; empty if unknown.

    There is no default: an owner whom nobody has registered could be registered by anybody.
    """
    for variable in ("BOOK_REPOSITORY", "GITHUB_REPOSITORY"):
        if os.environ.get(variable):
            return check_repository(os.environ[variable])
    command = ["git", "-C", str(root), "config", "--get", "remote.origin.url"]
    try:
        origin = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
    match = re.search(r"github\.com[:/](.+?)(?:\.git)?/?$", origin)
    return check_repository(match[1]) if match else ""


def find_project(root: Path | None = None) -> Project:
    """The checkout at ``root``, by default the one that holds this file."""
    here = root or Path(__file__).resolve().parents[2]
    return Project(here, find_repository(here))
