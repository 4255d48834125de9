"""The widgets in a real browser: they open, say what the page prints, and ask nobody else."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

from tests.axe import faults
from tests.chromium import ABSENT, chromium
from tests.live import browser

pytest.importorskip("selenium")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ALL = [(page, name) for page, some in browser.widgets().items() for name, _ in some]

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


class Tab:
    """A page with one widget."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, page: str, name: str) -> None:
        """Load the page and press the button."""
        self.driver.get(f"{self.address}{page.replace('/', '-')}-{name}.html")
        self.press(".live-start")
        self.wait(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".live-panel"))

    def press(self, selector: str) -> None:
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def wait(self, condition: Callable, seconds: float = 60) -> object:
        return WebDriverWait(self.driver, seconds, 0.1).until(condition)

    def run(self, *, exact: bool = False) -> str:
        """Let the model run; returns what the widget says at the end."""
        if exact:
            self.press(".live-buttons input[type=checkbox]")
        self.press(".live-buttons button")
        waiting = ("The model is reading.", "Loading")
        self.wait(lambda driver: (text := self.status()) and not text.startswith(waiting))
        return self.status()

    def settle(self) -> None:
        """Let the model run if there is one, so that all parts of the widget show."""
        if self.driver.find_elements(By.CSS_SELECTOR, ".live-buttons input[type=checkbox]"):
            self.run()

    def status(self) -> str:
        return self.driver.execute_script(
            "return document.querySelector('.live-status').textContent"
        )

    def text(self) -> str:
        """Everything that the widget shows, without its fields."""
        return self.driver.execute_script("return document.querySelector('.live-panel').innerText")

    def rows(self, number: int = 0) -> list[list[str]]:
        """The cells of a table, as text."""
        return self.driver.execute_script(
            "const table = document.querySelectorAll('.live-panel table')[arguments[0]];"
            "return [...table.tBodies[0].rows].map(row => [...row.cells].map(c => c.textContent))",
            number,
        )


@pytest.fixture(scope="module")
def address(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    browser.write_site(folder, models)
    with browser.served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    with chromium(flags=("--window-size=1280,1000",), logs=("performance",)) as driver:
        yield driver


@pytest.fixture
def tab(driver: webdriver.Chrome, address: str) -> Iterator[Tab]:
    """A tab of its own: one that has run dozens of models in a minute may crash."""
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    yield Tab(driver, address)
    driver.close()
    driver.switch_to.window(first)


def printed(page: str) -> str:
    """What the cells of a page print, in its notebook."""
    path = browser.ROOT / "book" / "notebooks" / f"{page}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    return "\n".join(output.get("text", "") for output in outputs)


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+|-?\d+", text)]


@pytest.mark.parametrize(("page", "name"), ALL)
def test_every_widget_is_accessible_and_asks_this_site_alone(tab, page, name):
    tab.driver.get_log("performance")  # forget what was before

    tab.open(page, name)
    tab.settle()

    assert tab.text()
    assert faults(tab.driver) == []
    messages = [json.loads(entry["message"]) for entry in tab.driver.get_log("performance")]
    events = [message["message"] for message in messages]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("data:")}
    assert hosts == {urlsplit(tab.address).netloc}


def test_no_module_names_another_site():
    for path in (browser.STATIC / "live").rglob("*.js"):
        assert not re.findall(r"https?://(?!localhost)", path.read_text(encoding="utf-8")), path


def test_a_page_without_scripts_keeps_what_it_shows(tab):
    tab.open("gpt/kv-cache", "kv_cache")

    assert "What stays without scripts." in tab.driver.find_element(By.TAG_NAME, "main").text


def test_the_story_leaves_as_many_tokens_as_the_page_prints(tab):
    tab.open("gpt/sampling", "next_token")
    said = tab.run(exact=True)

    (kept,) = re.findall(r"T = 1\.0: top-p +(\d+)", printed("gpt/sampling"))
    assert said.startswith(f"{kept} tokens are left.")


def test_the_capital_has_the_name_that_the_page_prints(tab):
    tab.open("gpt/next-token", "next_token")
    tab.run(exact=True)

    (name,) = re.findall(r"France is': '(.*?)' is the most likely", printed("gpt/next-token"))
    assert tab.rows()[0][0] == name.replace(" ", "␣")


def test_rounded_weights_change_little(tab):
    tab.open("gpt/next-token", "next_token")
    tab.run()
    rounded = {name: numbers(raw)[0] for name, raw, *_ in tab.rows()}
    tab.run(exact=True)

    for name, raw, *_ in tab.rows():
        assert abs(rounded[name] - numbers(raw)[0]) < 3  # percentage points


def test_a_sentence_has_the_probabilities_that_the_page_prints(tab):
    tab.open("gpt/next-token", "score")
    said = tab.run(exact=True)

    text = printed("gpt/next-token")
    wanted = re.findall(r"^'.*' +probability (\d\.\d\d)$", text, re.MULTILINE)
    assert [share for _, share, _ in tab.rows()] == wanted
    assert re.search(r"7 tokens, (9\.\d) nats in all, 1\.30 nats per token", text)[1] in said


def test_a_given_distribution_is_that_of_the_page(tab):
    tab.open("gpt/sampling", "temperature")

    (wanted,) = re.findall(r"T = 1\.0: (0.*)", printed("gpt/sampling"))
    assert [share for _, share, _ in tab.rows()] == wanted.split()


def test_the_cache_saves_what_the_page_counts(tab):
    tab.open("gpt/kv-cache", "kv_cache")

    (without, cached), (each,) = (
        re.findall(r": (\d+) positions without cache, (\d+) with", printed("gpt/kv-cache"))[0],
        re.findall(r"Llama-2-7B: ([\d,]+) bytes per token", printed("gpt/kv-cache")),
    )
    assert [row[1].replace(",", "") for row in tab.rows()] == [without, cached]
    assert f"{each} bytes per token" in tab.text()


def test_eight_numbers_have_the_codes_that_the_page_prints(tab):
    tab.open("open-models/quantization", "quantize")

    (codes,) = re.findall(r"codes +\[(.*)\]", printed("open-models/quantization"))
    assert [row[1] for row in tab.rows()] == codes.split(", ")


def test_eight_long_texts_take_what_the_page_computes(tab):
    tab.open("open-models/quantization", "memory")

    (wanted,) = re.findall(
        r"4096 tokens x 8: (\S+ GB \(\S+ GiB\))", printed("open-models/quantization")
    )
    assert tab.status().startswith(wanted)


def test_lora_trains_what_the_page_counts(tab):
    tab.open("training/lora", "lora")

    (wanted,) = re.findall(r"all linear layers +rank 16: +(\S+ of \S+),", printed("training/lora"))
    assert tab.status().startswith(f"{wanted} parameters are trained")


def test_the_policy_stands_for_the_rewards_that_the_page_prints(tab):
    tab.open("training/dpo-grpo", "dpo")

    text = printed("training/dpo-grpo")
    (implicit,), (difference,) = (
        re.findall(rf"{name} +\[(.*)\]", text) for name in ("implicit reward", "their difference")
    )
    assert [float(row[2]) for row in tab.rows()] == numbers(implicit)
    assert [float(row[3]) for row in tab.rows()] == numbers(difference)


def test_the_best_policy_is_that_of_the_page(tab):
    tab.open("training/ppo", "ppo")

    (shares, reward, divergence) = re.findall(
        r"beta +1\.0: \[(.*?)\] reward (\S+), KL (\S+)", printed("training/ppo")
    )[0]
    assert [float(row[1]) for row in tab.rows()] == numbers(shares)
    assert tab.status() == f"Mean reward {reward}, KL {divergence} nats."


def test_a_search_by_words_has_the_scores_of_the_page(tab):
    tab.open("applications/retrieval", "retrieval")
    tab.wait(lambda driver: tab.status().startswith("3 of"))

    text = printed("applications/retrieval").split("0.162]")[1]
    wanted = re.findall(r"(\d\.\d\d) +(\S+\.md) +(.+)", text)[:3]
    assert [(row[1], row[0], row[2]) for row in tab.rows()] == wanted


@pytest.mark.parametrize("beams", [1, 4])
def test_a_search_ends_in_the_text_of_the_page(tab, beams):
    tab.open("gpt/decoding", "beam")
    field = tab.driver.find_element(By.CSS_SELECTOR, ".live-row input")
    tab.driver.execute_script("arguments[0].value = arguments[1]", field, beams)
    tab.run(exact=True)

    name = "greedy" if beams == 1 else "beam, 4"
    (wanted,) = re.findall(rf"^{name}: (.*?) *$", printed("gpt/decoding"), re.MULTILINE)
    assert " ".join(tab.rows(1)[0][0].split()) == wanted


def test_three_examples_are_followed_as_on_the_page(tab):
    tab.open("prompting/few-shot", "few_shot")
    said = tab.run(exact=True)

    (wanted,) = re.findall(r"jearhial ->▸ (.*?) *\n", printed("prompting/few-shot"))
    assert said == f"With 3 examples: {wanted}"


def test_the_tool_loop_ends_in_the_answer_of_the_page(tab):
    tab.open("applications/function-calling", "tools")
    said = tab.run(exact=True)

    text = printed("applications/function-calling")
    (call,) = set(re.findall(r'^\{"name": "calculator", .*417 \* 23.*\}$', text, re.MULTILINE))
    assert next(what for who, what in tab.rows() if who == "model writes") == call
    assert said == f"Answer: {re.findall(r'The result is 9591.', text)[0]}"


def test_an_attack_has_the_answer_of_the_page(tab):
    tab.open("prompting/injection", "injection")
    said = tab.run(exact=True)

    (wanted,) = re.findall(r"^question +succeeds: .*'(.*)'$", printed("prompting/injection"), re.M)
    assert said == f"pocket-chat answers: {wanted}"


def test_a_conversation_goes_on(tab):
    tab.open("index", "chat")
    assert tab.run(exact=True) == "pocket-chat has answered."
    tab.driver.execute_script("document.querySelector('textarea').value = 'What is 3 + 4?'")
    tab.press(".live-buttons button")
    tab.wait(lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".live-turn")) == 4)
    tab.wait(lambda driver: tab.status() == "pocket-chat has answered.")

    assert "Paris" in tab.text()


def test_a_message_that_is_too_long_stays_in_the_field(tab):
    tab.open("index", "chat")
    tab.driver.execute_script("document.querySelector('textarea').value = '1'.repeat(600)")

    assert re.match(r"The text has \d+ tokens, and there is room for 432", tab.run())
    assert tab.driver.find_element(By.TAG_NAME, "textarea").get_attribute("value") == "1" * 600
    assert not tab.driver.find_elements(By.CSS_SELECTOR, ".live-turn")


def test_a_head_that_is_off_changes_what_comes_next(tab):
    tab.open("open-models/inside-llama", "attention")
    whole = tab.run()
    tab.press(".live-row input[type=checkbox]")
    tab.wait(lambda driver: "Without head 0 of layer 0" in tab.status())

    assert tab.status().startswith(whole)
    assert len(tab.rows(1)) == 7  # the embedding and six layers
    assert all(abs(sum(numbers(" ".join(row[1:]))) - 100) < 8 for row in tab.rows(0))  # rounded


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
