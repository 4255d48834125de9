"""A widget in a tab of the browser, and what the cells of its page print."""

import json
import re
from collections.abc import Callable

import nbformat
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.live import browser


class Tab:
    """A page with one widget."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, page: str, name: str, script: str = "") -> None:
        """Load the page, run a script in it, and press the button."""
        self.driver.get(f"{self.address}{page.replace('/', '-')}-{name}.html")
        self.driver.execute_script(script)
        self.press(".live-start")
        self.wait(lambda driver: driver.find_elements(By.CSS_SELECTOR, ".live-panel"))

    def press(self, selector: str) -> None:
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def wait(self, condition: Callable, seconds: float = 60) -> object:
        return WebDriverWait(self.driver, seconds, 0.1).until(condition)

    def requests(self) -> set[str]:
        """What the browser has asked for since the last call."""
        messages = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        events = [message["message"] for message in messages]
        return {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        }

    def run(self, *, exact: bool = False, seconds: float = 60) -> str:
        """Let the model run; returns what the widget says at the end."""
        if exact:
            self.press(".live-buttons input[type=checkbox]")
        self.press(".live-buttons button")
        waiting = ("The model is reading.", "Loading")
        self.wait(lambda driver: (said := self.status()) and not said.startswith(waiting), seconds)
        return self.status()

    def settle(self) -> None:
        """Let the model run if there is one, so that all parts of the widget show."""
        if self.driver.find_elements(By.CSS_SELECTOR, ".live-buttons input[type=checkbox]"):
            self.run()

    def choose(self, selector: str, value: str) -> None:
        """Choose an entry of a list."""
        script = (
            "const list = document.querySelector(arguments[0]); list.value = arguments[1];"
            "list.dispatchEvent(new Event('change'))"
        )
        self.driver.execute_script(script, selector, value)

    def status(self) -> str:
        return self.driver.execute_script(
            "return document.querySelector('.live-status').textContent"
        )

    def text(self) -> str:
        """Everything that the widget shows, without its fields."""
        return self.driver.execute_script("return document.querySelector('.live-panel').innerText")

    def text_of(self, selector: str, what: str = "textContent") -> str:
        script = "return document.querySelector(arguments[0])[arguments[1]]"
        return self.driver.execute_script(script, selector, what)

    def rows(self, number: int = 0) -> list[list[str]]:
        """The cells of a table, as text."""
        return self.driver.execute_script(
            "const table = document.querySelectorAll('.live-panel table')[arguments[0]];"
            "return [...table.tBodies[0].rows].map(row => [...row.cells].map(c => c.textContent))",
            number,
        )


def printed(page: str) -> str:
    """What the cells of a page print, in its notebook."""
    path = browser.ROOT / "book" / "notebooks" / f"{page}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    return "\n".join(
        output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs
    )


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+|-?\d+", text)]
