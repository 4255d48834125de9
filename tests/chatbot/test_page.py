"""The web page in a real browser, served by uvicorn on loopback."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from companion.chatbot import Chatbot

pytest.importorskip("selenium")
pytest.importorskip("uvicorn")

import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from companion.chatbot.web import build_app

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
ATTACK = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"

pytestmark = pytest.mark.skipif(
    not (shutil.which(BROWSER) and shutil.which(DRIVER)),
    reason="chromium and chromium-driver are not installed",
)


class PageBackend:
    """Repeats what was said; counts slowly when asked to."""

    context_length = 4000

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages: list[dict], params: object) -> Iterator[str]:
        text = messages[-1]["content"]
        if "count" in text:
            for number in range(500):
                yield f"{number} "
                time.sleep(0.02)
        for number, word in enumerate(text.splitlines()[-1].split(" ")):
            yield f" {word}" if number else word


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    class Library:
        def search(self, query: str, k: int) -> list[SimpleNamespace]:
            document = SimpleNamespace(text=f"A passage. {ATTACK}", metadata={"source": "a.md"})
            return [SimpleNamespace(document=document, score=1.0)] if "where" in query else []

    config = uvicorn.Config("", host="127.0.0.1", port=0, log_level="error", ws="none")
    listener = config.bind_socket()
    port = listener.getsockname()[1]
    app = build_app(
        lambda: Chatbot(PageBackend(), retriever=Library()), port=port, title="page-chat"
    )
    config.app = app
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)
    listener.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    profile = tmp_path_factory.mktemp("profile")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(profile / "downloads")}
    )
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(before, "127.0.0.1,localhost"))
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.downloads = profile / "downloads"
    yield driver
    driver.quit()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def page(chromium: webdriver.Chrome, address: str) -> webdriver.Chrome:
    for _ in range(2):  # the second time with a new session
        chromium.get(address)
        wait(chromium, lambda: chromium.title == "page-chat")
        chromium.execute_script("sessionStorage.clear()")
    return chromium


def wait(page: webdriver.Chrome, condition) -> None:
    WebDriverWait(page, 15, 0.02).until(lambda _: condition())


def find(page: webdriver.Chrome, selector: str):
    return page.find_element(By.CSS_SELECTOR, selector)


def bubbles(page: webdriver.Chrome) -> list[str]:
    return [one.text for one in page.find_elements(By.CSS_SELECTOR, "#log .bubble")]


def say(page: webdriver.Chrome, text: str, key: str = Keys.ENTER) -> None:
    count = len(bubbles(page))
    find(page, "#text").send_keys(text, key)
    wait(page, lambda: len(bubbles(page)) == count + 2 and find(page, "#send").is_displayed())


def test_a_message_is_answered(page) -> None:
    say(page, "hello there")

    assert bubbles(page) == ["hello there", "hello there"]
    assert find(page, "#text").get_attribute("value") == ""
    assert find(page, "#state").get_attribute("textContent") == "The answer is complete."
    assert page.switch_to.active_element.get_attribute("id") == "text"


def test_html_in_an_answer_stays_text(page) -> None:
    say(page, ATTACK)

    assert bubbles(page)[1] == ATTACK
    assert page.title == "page-chat"
    assert page.find_elements(By.CSS_SELECTOR, "#log script, #log img") == []


def test_html_in_a_source_stays_text(page) -> None:
    say(page, "where is it")

    find(page, "#log summary").click()
    assert find(page, "#log details li").text == f"a.md: A passage. {ATTACK}"
    assert page.title == "page-chat"


def test_the_policy_stops_a_script_that_got_in_anyway(page) -> None:
    page.execute_script(
        "const s = document.createElement('script'); s.textContent = \"document.title='owned'\";"
        "document.body.append(s)"
    )

    assert page.title == "page-chat"


def test_the_answer_appears_while_it_is_written_and_can_be_stopped(page) -> None:
    find(page, "#text").send_keys("count", Keys.ENTER)
    wait(page, lambda: len(bubbles(page)) == 2 and bubbles(page)[1].startswith("0 1 2"))
    assert find(page, "#log li:last-child").get_attribute("aria-busy") == "true"
    assert not find(page, "#send").is_displayed()

    find(page, "#stop").click()
    wait(page, lambda: find(page, "#send").is_displayed())

    assert find(page, "#log .note").text == "Stopped."
    assert "499" not in bubbles(page)[1]
    assert find(page, "#log li:last-child").get_attribute("aria-busy") is None
    say(page, "hello")
    assert bubbles(page)[-1] == "hello"


def test_escape_stops_too(page) -> None:
    find(page, "#text").send_keys("count", Keys.ENTER)
    wait(page, lambda: len(bubbles(page)) == 2 and bubbles(page)[1].startswith("0 1"))

    find(page, "#text").send_keys(Keys.ESCAPE)

    wait(page, lambda: page.find_elements(By.CSS_SELECTOR, "#log .note"))


def test_a_reload_keeps_the_conversation_and_reset_ends_it(page) -> None:
    page.refresh()  # the fixture has cleared what the tab remembers
    wait(page, lambda: page.title == "page-chat")
    say(page, "hello")
    page.refresh()
    wait(page, lambda: bubbles(page) == ["hello", "hello"])

    find(page, "#reset").click()
    wait(page, lambda: bubbles(page) == [])
    page.refresh()
    wait(page, lambda: page.title == "page-chat")

    assert bubbles(page) == []
    assert find(page, "#empty").is_displayed()


def test_the_conversation_can_be_downloaded(page) -> None:
    say(page, "hello")

    find(page, "#download").click()

    file: Path = page.downloads / "conversation.json"
    wait(page, file.exists)
    assert json.loads(file.read_text())["turns"][0]["messages"][0]["content"] == "hello"


def test_an_error_is_told_and_the_words_are_kept(page) -> None:
    page.execute_script("session = 'gone'")
    find(page, "#text").send_keys("precious words", Keys.ENTER)
    wait(page, lambda: find(page, "#problem").text)

    assert "reload the page" in find(page, "#problem").text
    assert find(page, "#text").get_attribute("value") == "precious words"
    assert bubbles(page) == []


def test_shift_enter_begins_a_line(page) -> None:
    find(page, "#text").send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")

    assert find(page, "#text").get_attribute("value") == "one\ntwo"


def test_the_keyboard_reaches_everything(page) -> None:
    reached = []
    page.execute_script("document.activeElement.blur(); window.focus()")
    for _ in range(12):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.switch_to.active_element.get_attribute("id"))

    assert {"download", "reset", "log", "text", "send"} <= set(reached)


def test_everything_has_a_name(page) -> None:
    label = find(page, "label[for=text]")
    names = page.execute_script(
        "return [...document.querySelectorAll('button')].map((b) => b.textContent.trim())"
    )

    assert label.text == "Your message"
    assert all(names)
    assert find(page, "#log").get_attribute("aria-live") == "polite"
    assert find(page, "html").get_attribute("lang") == "en"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_can_be_read(width: int, scheme: str, page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    say(page, "where " + "x" * 300)

    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return document.querySelector('main').scrollWidth") <= width
    for selector in (".bubble", "#keys", ".who", "#send", "#reset", "summary", "label"):
        assert contrast(page, selector) >= 4.5, selector
    if folder := os.environ.get("SCREENSHOTS"):
        page.save_screenshot(f"{folder}/{width}-{scheme}.png")


def contrast(page: webdriver.Chrome, selector: str) -> float:
    """Return the contrast of an element's text to what is behind it, as WCAG 2 computes it."""
    front, back = page.execute_script(
        """
        const found = document.querySelector(arguments[0]);
        let behind = found;
        const color = (element) => getComputedStyle(element).backgroundColor;
        while (color(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
        return [getComputedStyle(found).color, color(behind)];
        """,
        selector,
    )
    high, low = sorted((luminance(front), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_console_is_quiet(page) -> None:
    say(page, "where is it")

    messages = [one["message"] for one in page.get_log("browser") if one["level"] == "SEVERE"]
    expected = ("404", "Content Security Policy")  # provoked by the tests above
    assert [one for one in messages if not any(word in one for word in expected)] == []
