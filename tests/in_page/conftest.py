"""Pages of exercises as the site has them, served on loopback, and a browser that shows them."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from companion.exercises.records import Record
from tests.chromium import chromium as start_chromium

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
sys.path[:0] = [str(BOOK / "_tools"), str(BOOK / "_ext")]
SECTIONS = ("gpt", "applications", "summary")
CONF = """\
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
nb_execution_mode = "off"
html_theme = "sphinx_book_theme"
html_static_path = ["static"]
html_css_files = ["book.css", "exercises/exercises.css"]
scripts = ("exercises/sidebar.js", "exercises/page.js", "scrolling.js")
html_js_files = [(name, {"type": "module"}) for name in scripts]
exclude_patterns = ["static", "out"]
mathjax_path = "none.js"
"""
BROWSER = """
const kept = new Map();
globalThis.addEventListener = () => {};
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
"""


def exercises_and_points(section: str) -> tuple[int, int]:
    """Return what the page of a section says that it has."""
    text = (BOOK / section / "exercises.md").read_text(encoding="utf-8")
    count, points = re.search(r"^(\d+) exercises, (\d+) points", text, re.MULTILINE).groups()
    return int(count), int(points)


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder; a file that `broken` names is missing (None) or has other content."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.broken: dict[str, bytes | None] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers quietly."""

    def do_GET(self) -> None:
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        self.server.asked.append(name)
        if name not in self.server.broken:
            super().do_GET()
        elif self.server.broken[name] is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.broken[name])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of exercises, made by Sphinx with the theme of the book, and the runtime."""
    from exercise_runtime import add_runtime

    folder = tmp_path_factory.mktemp("pages")
    static = folder / "static"
    for name in ("exercises", "vendor/pyodide"):
        shutil.copytree(BOOK / "_static" / name, static / name)
    for name in ("book.css", "elements.js", "scrolling.js"):
        shutil.copy(BOOK / "_static" / name, static)
    add_runtime(static)
    for section in SECTIONS:
        (folder / "book" / section).mkdir(parents=True)
        shutil.copy(BOOK / section / "exercises.md", folder / "book" / section)
    pages = "\n".join(f"book/{section}/exercises" for section in SECTIONS)
    (folder / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{pages}\n```\n", encoding="utf-8")
    (folder / "conf.py").write_text(CONF, encoding="utf-8")
    out = folder / "out"
    # In a process of its own: what other tests leave of Sphinx in this one would be in its way.
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, out], check=True)
    return out


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[Server]:
    with Server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One browser for all tests, without a window, which reaches this machine only."""
    with start_chromium(
        flags=("--window-size=1280,900",), logs=("performance", "browser")
    ) as driver:
        yield driver


class Page:
    """A page of exercises in the browser.

    Args:
        driver: The browser.
        server: Where the page comes from.
    """

    def __init__(self, driver: object, server: Server) -> None:
        self.driver, self.server = driver, server
        self.tab = driver.current_window_handle

    def open(self, section: str = "gpt", before: str = "") -> "Page":
        """Load a page anew; the script `before` runs before those of the page."""
        self.driver.switch_to.window(self.tab)
        self.driver.get("about:blank")
        command = "Page.addScriptToEvaluateOnNewDocument"
        added = self.driver.execute_cdp_cmd(command, {"source": before}) if before else None
        self.driver.get(self.server.url(f"book/{section}/exercises.html"))
        if added:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
        self.until_built()
        return self

    def until_built(self) -> None:
        """Wait for the parts of the page, which load after it."""
        begin = time.monotonic()
        while not self.driver.find_elements("css selector", ".exercise-panel, .exercise-note"):
            assert time.monotonic() - begin < 60, "the page has no exercises"
            time.sleep(0.02)

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def forget(self) -> None:
        """Empty the browser's storage for this site."""
        script = "localStorage.clear(); return caches.delete('exercise-runtime')"
        self.run(script)

    def form(self, name: str) -> object:
        return self.driver.find_element("css selector", f"[data-exercise={name}]")

    def press(self, name: str, label: str) -> None:
        """Press a button of an exercise; by script, as the page may still be scrolling."""
        script = (
            "[...arguments[0].querySelectorAll('button')]"
            ".find((one) => one.textContent === arguments[1]).click()"
        )
        self.run(script, self.form(name), label)

    def write(self, name: str, text: str) -> None:
        script = (
            "const area = arguments[0].querySelector('textarea'); area.value = arguments[1];"
            "area.dispatchEvent(new Event('input', {bubbles: true}))"
        )
        self.run(script, self.form(name), text)

    def check(self, name: str, answer: str | None = None, seconds: float = 120) -> float:
        """Write an answer and check it; returns the seconds that it took."""
        if answer is not None:
            self.write(name, answer)
        begin = time.monotonic()
        self.press(name, "Check")
        button = self.form(name).find_element("css selector", "button")
        while button.text == "Stop":
            assert time.monotonic() - begin < seconds, self.result(name)
            time.sleep(0.02)
        return time.monotonic() - begin

    def result(self, name: str) -> str:
        script = "return arguments[0].querySelector('.exercise-result').textContent"
        return self.run(script, self.form(name))

    def text(self, selector: str) -> str:
        return self.driver.find_element("css selector", selector).text

    def until_it_says(self, text: str, selector: str = "article", seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.text(selector):
            assert time.monotonic() < end, self.text(selector)
            time.sleep(0.05)

    def keep(self, name: str, record: Record) -> None:
        """Store what was done, as an earlier visit would have."""
        text = json.dumps({"version": 1, "exercises": {name: asdict(record)}})
        self.run("localStorage.setItem('exercise-progress', arguments[0])", text)

    def record(self, name: str) -> dict:
        stored = self.run("return localStorage.getItem('exercise-progress')")
        return json.loads(stored)["exercises"][name]


@pytest.fixture(scope="session")
def warm_page(chromium: object, server: Server) -> Page:
    """A page in a tab of its own, where Python stays loaded."""
    chromium.switch_to.new_window("tab")
    return Page(chromium, server).open()


@pytest.fixture
def warm(warm_page: Page) -> Page:
    """The page where Python stays loaded, with what earlier tests did there."""
    warm_page.server.broken.clear()
    warm_page.driver.switch_to.window(warm_page.tab)
    return warm_page


@pytest.fixture
def page(chromium: object, server: Server, warm_page: Page) -> Page:
    """A page that is opened anew, with nothing done, in a browser that may have Python's files."""
    server.broken.clear()
    chromium.switch_to.window(next(tab for tab in chromium.window_handles if tab != warm_page.tab))
    page = Page(chromium, server).open()
    page.run("localStorage.clear()")
    return page.open()


@pytest.fixture
def node(tmp_path):
    """Runs lines of a module beside those of the page; returns what `said` is at their end."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so the modules of the page can't be run")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    folder = tmp_path / "exercises"
    folder.mkdir()
    shutil.copy(BOOK / "_static" / "elements.js", tmp_path)
    for file in (BOOK / "_static" / "exercises").glob("*.js"):
        shutil.copy(file, folder)

    def run(lines):
        program = f"{BROWSER}\nlet said;\n{lines}\nprocess.stdout.write(JSON.stringify(said));"
        (folder / "test.js").write_text(program, encoding="utf-8")
        command = ["node", "test.js"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run
