"""A small site with every widget of the book, for a real browser."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

from live_widget import opening
from myst import read_blocks, read_directive

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "book" / "_static"
STYLES = {  # what a page loads, in this order
    "sphinx_book_theme": "theme/sphinx_book_theme/static/styles/sphinx-book-theme.css",
    "pydata_sphinx_theme": "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css",
}
FRAME = """\
<!doctype html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
{styles}
<script src="_static/live.js" defer></script></head>
<body><main class="bd-article"><h1>{name}</h1>{body}</main></body>
</html>
"""


def widgets() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """The widgets of each page of the book, as (name, options)."""
    found = {}
    for path in [ROOT / "index.md", *sorted((ROOT / "book").glob("*/*.md"))]:
        text = path.read_text(encoding="utf-8")
        page = path.relative_to(ROOT).with_suffix("").as_posix().removeprefix("book/")
        for block in read_blocks(text) if "{live}" in text else ():
            if block.is_fence and block.info.startswith("{live}"):
                directive = read_directive(block, block.start)
                found.setdefault(page, []).append((directive.argument, directive.options))
    return found


def write_site(folder: Path, models: Path) -> None:
    """Write one page for each widget, ``page-with-dashes-name.html``, and what they load."""
    shutil.copytree(STATIC / "live", folder / "_static" / "live")
    shutil.copytree(models, folder / "_static" / "live" / "models")
    shutil.copytree(STATIC / "vendor" / "wllama", folder / "_static" / "vendor" / "wllama")
    for name in ("live.js", "elements.js", "book.css"):
        shutil.copy(STATIC / name, folder / "_static")
    for package, sheet in STYLES.items():
        shutil.copy(Path(find_spec(package).origin).parent / sheet, folder / "_static")
    names = [*(Path(sheet).name for sheet in STYLES.values()), "book.css"]
    styles = "".join(f'<link rel="stylesheet" href="_static/{name}">' for name in names)
    for page, some in widgets().items():
        for name, options in some:
            body = opening(name, options) + "<p>What stays without scripts.</p></div></div>"
            text = FRAME.format(name=name.replace("_", " "), styles=styles, body=body)
            file = f"{page.replace('/', '-')}-{name}.html"
            (folder / file).write_text(text, encoding="utf-8")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
