"""The book without a network: kept in a real browser, opened after its server has stopped."""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chromium import ABSENT
from tests.live import browser

pytest.importorskip("selenium")

from offline_files import add_offline
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))
PAGE = "gpt-next-token-next_token.html"
INDEX = browser.FRAME.format(
    name="Book",
    styles='<script src="_static/offline/offline.js" type="module"></script>',
    body='<div class="keep-offline"><p>It can stay.</p></div><p class="words">{}</p>',
)
CACHES = """\
const done = arguments[0];
caches.keys().then(async (names) => {
  const found = {};
  for (const name of names.filter((one) => !one.startsWith("book /other/"))) {
    const cache = await caches.open(name);
    const paths = (await cache.keys()).map((one) => new URL(one.url).pathname);
    found[name.replace(/[0-9a-f]{12}$/, "V")] = paths;
  }
  done(found);
});
"""


@pytest.fixture(scope="module")
def root(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose subfolder ``book`` is a small site, as project pages are served."""
    folder = tmp_path_factory.mktemp("host")
    site = folder / "book"
    site.mkdir()
    browser.write_site(site, models)
    shutil.copytree(browser.STATIC / "offline", site / "_static" / "offline")
    for page in site.glob("*.html"):
        if page.name != PAGE:
            page.unlink()
    write_version(site, "first")
    return folder


def write_version(site: Path, words: str) -> None:
    (site / "index.html").write_text(INDEX.replace("{}", words), encoding="utf-8")
    add_offline(site)


class Reader:
    """A browser that reads the site, whose server can be stopped."""

    def __init__(self, driver: object, root: Path) -> None:
        self.driver, self.root = driver, root
        self.stack = contextlib.ExitStack()
        self.address = self.stack.enter_context(browser.served(root)) + "book/"

    def open(self, page: str = "index.html") -> None:
        self.driver.get(self.address + page)

    def wait(self, condition: Callable, seconds: float = 60) -> object:
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition())

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def said(self) -> str:
        return self.run("return document.querySelector('.keep-status')?.textContent ?? ''")

    def click(self, selector: str) -> None:
        found = "return !!document.querySelector(arguments[0])"
        self.wait(lambda: self.run(found, selector))
        self.run("document.querySelector(arguments[0]).click()", selector)

    def press(self) -> None:
        self.click(".keep-buttons button")

    def until_it_serves(self) -> None:
        script = "return !!navigator.serviceWorker.controller"
        self.wait(lambda: self.run(script))

    def caches(self) -> dict[str, list[str]]:
        return self.driver.execute_async_script(CACHES)


@pytest.fixture
def reader(driver: object, root: Path) -> Iterator[Reader]:
    reader = Reader(driver, root)
    origin = {"origin": reader.address.removesuffix("/book/"), "storageTypes": "all"}
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", origin)  # a port may come again
    with reader.stack:
        yield reader
    driver.get("about:blank")


def test_a_page_that_was_visited_opens_without_a_server_and_another_says_so(reader):
    reader.open()
    reader.until_it_serves()
    reader.open()
    reader.wait(lambda: any("/book/index.html" in paths for paths in reader.caches().values()))
    reader.stack.close()

    reader.open("?from=somewhere")
    assert "first" in reader.run("return document.body.textContent")
    reader.open(PAGE)
    assert "This page is not here" in reader.run("return document.body.textContent")


def test_the_whole_book_opens_and_its_models_run_without_a_server(reader):
    reader.open()
    reader.wait(lambda: "Keep this book offline" in reader.run("return document.body.innerText"))
    size = re.search(r"offline \((\d+) MB\)", reader.run("return document.body.innerText"))
    assert int(size[1]) >= 9
    reader.press()
    reader.wait(lambda: reader.said().startswith("The whole book is kept"))
    kept = reader.caches()
    reader.stack.close()

    assert not any("int8" in path for path in kept["book /book/ V"])  # once, where widgets look
    assert sum("int8" in path for path in kept["live-models"]) == 2
    reader.open(PAGE)
    reader.click(".live-start")
    reader.click(".live-buttons button")
    status = "return document.querySelector('.live-status').textContent"
    reader.wait(lambda: "Paris" in reader.run(status))
    reader.open()
    reader.wait(lambda: reader.said().startswith("The whole book is kept"))
    reader.press()
    reader.wait(lambda: reader.said() == "It is removed.")
    assert "live-models" not in {name for name, paths in reader.caches().items() if paths}


def test_a_new_version_replaces_the_one_that_is_kept_and_no_other_book(reader):
    reader.open()
    reader.driver.execute_async_script("caches.open('book /other/ 1').then(() => arguments[0]())")
    reader.press()
    reader.wait(lambda: reader.said().startswith("The whole book is kept"))
    try:
        write_version(reader.root / "book", "second")
        reader.open()
        reader.wait(lambda: len(reader.driver.execute_async_script(CACHES)) == 2)  # and the models
        names = reader.driver.execute_async_script("caches.keys().then(arguments[0])")
        version = re.search(r'"version":"(\w+)"', (reader.root / "book/offline.json").read_text())
        reader.wait(
            lambda: (
                f"book /book/ {version[1]}"
                in reader.driver.execute_async_script("caches.keys().then(arguments[0])")
            )
        )
        reader.stack.close()
        reader.open()
        assert "second" in reader.run("return document.body.textContent")
        assert "book /other/ 1" in names
    finally:
        write_version(reader.root / "book", "first")


def test_a_file_that_is_not_the_listed_one_is_refused_and_what_came_stays(reader):
    page = reader.root / "book" / PAGE
    text = page.read_text(encoding="utf-8")
    try:
        page.write_text(text + " ", encoding="utf-8")
        reader.open()
        reader.press()
        reader.wait(lambda: reader.said().startswith("The book on the site has changed meanwhile."))
    finally:
        page.write_text(text, encoding="utf-8")
    reader.press()
    reader.wait(lambda: reader.said().startswith("The whole book is kept"))


def test_a_connection_that_breaks_is_told_in_words(reader):
    reader.open()
    reader.wait(lambda: reader.run("return !!document.querySelector('.keep-buttons button')"))
    reader.stack.close()
    reader.press()

    reader.wait(lambda: reader.said().startswith("The connection broke."))


def test_a_folder_opened_as_files_offers_nothing(driver, root):
    driver.get((root / "book" / "index.html").as_uri())

    assert not driver.execute_script("return document.querySelector('.keep-buttons')")
    assert not driver.execute_script("return document.querySelector('link[rel=manifest]')")
