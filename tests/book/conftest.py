"""A small made-up book in a temporary folder, and the book's tools on the path."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
sys.path[:0] = [str(BOOK / "_tools"), str(BOOK / "_ext")]

from project import Project  # noqa: E402

from tests.chromium import chromium  # noqa: E402

FRONT_MATTER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
book:
  budget_seconds: 60
---

"""
GLOSSARY = """\
# Glossary

```{glossary}
token
  The unit of text.

top-k
  Keeping the `k` most probable {term}`tokens <token>`.
```
"""
PAGE = """\
<html lang="en" data-theme="light">
<head><title>t</title><meta name="viewport" content="width=device-width"></head>
<body><a class="skip-link" href="#main">Skip</a><main id="main">{}</main></body>
</html>
"""
BIBLIOGRAPHY = """\
@misc{one2020, author={Lovelace, Ada}, title={A}, year={2020}}
@misc{two2021, author={G{\\"o}del, Kurt and Church, Alonzo}, title={B}, year={2021}}
@misc{many2022, author={Hopper, Grace and others}, title={C}, year={2022}}
"""


class Book:
    """A project with pages that a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root, "ada/engine")
        self._names: list[str] = []
        self.write("book/references.bib", BIBLIOGRAPHY)
        self.add("back/glossary", GLOSSARY)

    def write(self, path: str, text: str) -> Path:
        """Write a file below the root."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def add(self, name: str, text: str) -> Path:
        """Write a page and list it in the table of contents."""
        if name not in self._names:
            self._names.append(name)
        lines = "".join(f"  - file: book/{name}\n" for name in self._names)
        self.write("_toc.yml", f"format: jb-book\nroot: index\nchapters:\n{lines}")
        return self.write(f"book/{name}.md", text)

    def add_code(self, name: str, body: str) -> Path:
        """Write a page with the front matter that makes it executable."""
        return self.add(name, FRONT_MATTER + body)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """An empty book with a glossary and a bibliography."""
    return Book(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    """Write a made-up site; keyword: name of the file without suffix, value: body of the page."""

    def write(**bodies: str) -> Path:
        for name, body in {"index": "", **bodies}.items():
            page = PAGE.format(body)
            (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def driver() -> Iterator[object]:
    """A browser without a window, driven by selenium, that reaches no network."""
    with chromium() as driver:
        yield driver
