"""The open model in the chat of the title page: offered where the site has its file only."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import open_weights
import pytest
from live_weights import write_live_weights

from tests.axe import faults
from tests.chromium import ABSENT
from tests.live import browser

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By

from tests.live.tab import Tab, printed

FILE = open_weights.place()  # here: tests have another cache
NAME = "SmolLM2-135M-Instruct"

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


@pytest.fixture
def opened(driver, models: Path, tmp_path: Path) -> Iterator[Callable[[Path | None], Tab]]:
    """The chat of a site whose file of the open model is this one."""
    servers = []
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")

    def open_chat(file: Path) -> Tab:
        shutil.copytree(models, tmp_path / "models")
        manifest = tmp_path / "models" / "manifest.json"
        content = file.read_bytes()
        entry = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        listed = json.loads(manifest.read_text()) | {"open": {"file": "open.gguf", **entry}}
        manifest.write_text(json.dumps(listed))
        shutil.copy(file, tmp_path / "models" / "open.gguf")
        browser.write_site(tmp_path / "site", tmp_path / "models")
        servers.append(browser.served(tmp_path / "site"))
        tab = Tab(driver, servers[0].__enter__())
        tab.open("index", "chat")
        tab.wait(lambda driver: tab.text_of(".live-panel > .live-buttons:last-child").count("("))
        return tab

    yield open_chat
    driver.close()
    driver.switch_to.window(first)
    for server in servers:
        server.__exit__(None, None, None)


def change(tab: Tab) -> None:
    tab.press(".live-panel > .live-buttons:last-child button:last-child")


def no_model(folder: Path) -> Path:
    """A file that is not a model."""
    file = folder / "no.gguf"
    file.write_bytes(b"GGUF" + bytes(4000))
    return file


def test_a_site_without_the_file_does_not_offer_the_model(tab):
    tab.open("index", "chat")
    tab.run()

    assert NAME not in tab.text()


def test_the_size_is_said_before_anything_is_loaded(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    assert f"Talk to {NAME} (loads 0 MB once)" in tab.text()
    tab.requests()
    change(tab)

    assert "Back to pocket-chat" in tab.text()
    assert faults(tab.driver) == []
    assert not any(url.endswith((".gguf", ".wasm")) for url in tab.requests())


def test_a_file_that_is_no_model_leaves_a_sentence_and_the_message(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    change(tab)

    assert tab.run().startswith("The open model could not be started")
    assert tab.driver.find_element(By.TAG_NAME, "textarea").get_attribute("value")
    change(tab)
    assert tab.run() == "pocket-chat has answered."


def test_a_file_that_is_missing_is_told(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    (tmp_path / "site" / "_static" / "live" / "models" / "open.gguf").unlink()
    change(tab)

    assert "the site answered 404" in tab.run()


def test_a_browser_that_lacks_memory_for_it_is_told_before_the_download(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    tab.driver.execute_script("WebAssembly.Memory = function () { throw new TypeError('no') }")
    tab.requests()
    change(tab)

    assert tab.run().startswith("This browser can't run the open model")
    assert not any(url.endswith(".gguf") for url in tab.requests())


def test_a_stop_ends_the_download_and_the_message_stays(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    change(tab)
    tab.driver.execute_script(
        "window.fetch = (url, { signal }) => new Promise((resolve, reject) => {"
        "  window.wanted = signal;"
        "  signal.addEventListener('abort', () => reject(signal.reason)); })"
    )
    tab.press(".live-buttons button")
    tab.wait(lambda driver: driver.execute_script("return window.wanted !== undefined"), 5)
    tab.press(".live-buttons button:nth-of-type(2)")
    tab.wait(lambda driver: tab.status() == "Stopped.", 5)

    assert tab.driver.find_element(By.TAG_NAME, "textarea").get_attribute("value")
    assert not tab.driver.find_elements(By.CSS_SELECTOR, ".live-turn")


def test_the_way_back_to_the_pocket_model_ends_an_answer(opened, tmp_path):
    tab = opened(no_model(tmp_path))
    change(tab)
    tab.driver.execute_script("window.fetch = () => new Promise(() => {})")
    tab.press(".live-buttons button")
    change(tab)
    tab.wait(lambda driver: tab.status() == "Stopped.", 5)

    assert tab.run() == "pocket-chat has answered."


@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason="run book/_tools/open_weights.py first")
def test_the_open_model_answers_as_the_page_prints_and_nobody_else_is_asked(opened):
    tab = opened(FILE)
    assert f"Talk to {NAME} (loads 98 MB once)" in tab.text()
    tab.requests()
    change(tab)
    said = tab.run(seconds=300)

    (wanted,) = re.findall(r"'content': '(The capital of .*?)'", printed("open-models/hub-models"))
    assert tab.text_of(".live-turn:last-child span") == wanted
    assert said == f"{NAME} has answered."
    asked = {url for url in tab.requests() if not url.startswith(("data:", "blob:"))}
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(tab.address).netloc}


def test_the_manifest_names_the_file_that_was_copied(tmp_path):
    file = no_model(tmp_path)
    manifest = write_live_weights(tmp_path / "models", file, models=())

    assert manifest["open"]["bytes"] == file.stat().st_size
    assert (tmp_path / "models" / manifest["open"]["file"]).read_bytes() == file.read_bytes()


def test_another_file_than_the_published_one_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(open_weights, "user_cache", lambda name: tmp_path)
    assert open_weights.find() is None
    open_weights.place().write_bytes(b"x")

    with pytest.raises(open_weights.BookError, match="is damaged: delete it"):
        open_weights.find()
