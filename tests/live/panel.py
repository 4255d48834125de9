"""A widget in the browser whose Worker is the test: it answers when the test says so."""

from selenium.webdriver.common.by import By

from tests.live.tab import Tab

WORKER = """
window.asked = [];
window.Worker = class {
  constructor() { window.worker = this; }
  postMessage(message) { window.asked.push(message); }
  terminate() {}
};
"""


class Panel:
    """A widget whose Worker is the test."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.run = tab, tab.driver.execute_script

    def open(self, page: str, name: str) -> None:
        self.tab.open(page, name, WORKER)

    def start(self) -> None:
        self.tab.press(".live-buttons button")

    def stop(self) -> None:
        self.tab.press(".live-buttons button:nth-of-type(2)")

    def asked(self) -> list[dict]:
        """What the Worker was asked, without what it was told to stop."""
        return [message for message in self.run("return asked") if "task" in message]

    def answer(self, **values: object) -> None:
        """Answer the latest call."""
        call = self.asked()[-1]["call"]
        self.run("worker.onmessage({ data: arguments[0] })", {"call": call, **values})

    def status(self, text: str) -> None:
        """Wait until the status line begins with this text."""
        self.tab.wait(lambda driver: self.tab.status().startswith(text))

    def waits_for(self, count: int) -> None:
        """Wait until the Worker was asked so often."""
        self.tab.wait(lambda driver: len(self.asked()) == count)

    def message(self, *text: str) -> str:
        """Read the first text field, or write it."""
        return self.run(
            "const field = document.querySelector('.live-panel textarea');"
            "if (arguments.length) {"
            "  field.value = arguments[0]; field.dispatchEvent(new Event('input')); }"
            "return field.value",
            *text,
        )

    def move(self, value: object) -> None:
        """Move the first slider, or type into the first number."""
        self.run(
            "const field = document.querySelector("
            "  '.live-panel input[type=range], .live-panel input[type=number]');"
            "field.value = arguments[0]; field.dispatchEvent(new Event('input'))",
            value,
        )

    def count(self, selector: str) -> int:
        return len(self.tab.driver.find_elements(By.CSS_SELECTOR, f".live-panel {selector}"))
