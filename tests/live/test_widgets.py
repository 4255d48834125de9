"""The widgets in a real browser: accessible, asking nobody else, and clear about what is wrong."""

import re
from urllib.parse import urlsplit

import pytest

from tests.axe import VIEWS, faults
from tests.chromium import ABSENT
from tests.live import browser

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PLACES = [(page, name) for page, some in browser.widgets().items() for name, _ in some]

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


@pytest.mark.slow
@VIEWS
@pytest.mark.parametrize(("page", "name"), PLACES)
def test_every_widget_is_accessible_and_asks_this_site_alone(tab, page, name, views):
    tab.requests()  # forget what was before

    tab.open(page, name)
    tab.settle()

    assert tab.text()
    assert faults(tab.driver, views=views) == []
    hosts = {urlsplit(url).netloc for url in tab.requests() if not url.startswith("data:")}
    assert hosts == {urlsplit(tab.address).netloc}


def test_no_module_names_another_site():
    site = r"https?://(?!localhost|www\.w3\.org/2000/svg)"  # that one is a name, and not asked
    for path in (browser.STATIC / "live").rglob("*.js"):
        assert not re.findall(site, path.read_text(encoding="utf-8")), path


def test_a_page_without_scripts_keeps_what_it_shows(tab):
    tab.open("gpt/kv-cache", "kv_cache")

    assert "What stays without scripts." in tab.driver.find_element(By.TAG_NAME, "main").text


def test_a_conversation_goes_on(tab):
    tab.open("index", "chat")
    assert tab.run(exact=True) == "pocket-chat has answered."
    tab.driver.execute_script("document.querySelector('textarea').value = 'What is 3 + 4?'")
    tab.press(".live-buttons button")
    tab.wait(lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".live-turn")) == 4)
    tab.wait(lambda driver: tab.status() == "pocket-chat has answered.")

    assert "Paris" in tab.text()


def test_a_page_that_was_left_keeps_no_model_and_works_on_the_way_back(tab):
    tab.open("gpt/next-token", "next_token")
    before = tab.run()
    tab.driver.execute_script(
        "window.stayed = true; const end = Worker.prototype.terminate;"
        "Worker.prototype.terminate = function () { window.ended = true; end.call(this) }"
    )
    tab.driver.get(f"{tab.address}gpt-next-token-score.html")
    tab.driver.back()

    if tab.driver.execute_script("return window.stayed"):  # the browser has kept the page
        assert tab.driver.execute_script("return window.ended")
        assert tab.run() == before


def test_a_message_that_is_too_long_stays_in_the_field(tab):
    tab.open("index", "chat")
    tab.driver.execute_script("document.querySelector('textarea').value = '1'.repeat(600)")

    said = tab.run()
    assert re.match(r"The conversation has \d+ tokens, and there is room for 432. Start over", said)
    assert tab.driver.find_element(By.TAG_NAME, "textarea").get_attribute("value") == "1" * 600
    assert not tab.driver.find_elements(By.CSS_SELECTOR, ".live-turn")
    tab.press(".live-panel > .live-buttons:last-child button")
    assert tab.status() == ""


def test_arrow_keys_go_from_map_to_map_and_enter_opens_one(tab):
    tab.open("gpt/inside", "attention")
    tab.run()
    first = tab.driver.find_element(By.CSS_SELECTOR, "[aria-label='Layer 1, head 3']")
    first.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)  # there is no head to the right
    tab.driver.switch_to.active_element.send_keys(Keys.ENTER)

    assert tab.text_of(".live-map caption").startswith("Layer 2, head 3.")
    assert tab.text_of("[aria-pressed=true]", "ariaLabel") == "Layer 2, head 3"


def test_a_text_beyond_the_context_is_refused_in_words_and_kept(tab):
    tab.open("gpt/next-token", "next_token")
    tab.driver.execute_script("document.querySelector('textarea').value = '1'.repeat(600)")

    assert tab.run() == "The text has 600 tokens, and there is room for 512. Shorten it."
    assert (
        tab.driver.execute_script("return document.querySelector('textarea').value.length") == 600
    )


def test_a_browser_that_runs_no_worker_is_told(tab):
    tab.open("gpt/next-token", "next_token")
    tab.driver.execute_script("window.Worker = undefined")

    assert tab.run().startswith("This browser does not let the page run a model.")


def test_a_widget_that_does_not_arrive_leaves_the_keyboard_at_its_button(tab):
    tab.driver.get(f"{tab.address}gpt-kv-cache-kv_cache.html")
    tab.driver.execute_script("document.querySelector('.live').dataset.live = 'nothing'")
    button = tab.driver.find_element(By.CSS_SELECTOR, ".live-start")
    button.send_keys(Keys.ENTER)
    tab.wait(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".live-missing"))

    assert tab.driver.switch_to.active_element == button
    assert button.get_attribute("aria-disabled") is None
