"""The page's modules in node, and the pocket models in torch to compare them with."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import companion

ROOT = Path(__file__).parents[2]
CODE = ROOT / "book" / "_static" / "live"
sys.path[:0] = [str(ROOT / "book" / "_tools"), str(ROOT / "book" / "_ext")]

from live_weights import write_live_weights  # noqa: E402

from tests.chromium import chromium  # noqa: E402
from tests.live import browser  # noqa: E402


class Page:
    """What a page can ask of the models, asked of the same modules in node."""

    def __init__(self, models: Path) -> None:
        command = ["node", str(Path(__file__).with_name("host.mjs")), str(CODE), str(models)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, encoding="utf-8", **pipes)

    def __call__(self, task: str, **values: Any) -> Any:
        """Run a task of `tasks.js`, or one of `host.mjs`; an error becomes a ValueError."""
        self.process.stdin.write(json.dumps({"task": task, "values": values}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(f"{answer['error']}\n{answer['stack']}")
        return answer["result"]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of weights, as `make book` writes it."""
    folder = tmp_path_factory.mktemp("models")
    write_live_weights(folder)
    return folder


@pytest.fixture(scope="session")
def page(models: Path) -> Iterator[Page]:
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so the modules of the page can't be run")
    page = Page(models)
    with page.process:
        yield page


@pytest.fixture(scope="session")
def pocket() -> Callable[[str], tuple]:
    """A pocket model in float32 with eager attention, so that it shows its weights."""
    loaded = {}

    def load(role: str) -> tuple:
        if role not in loaded:
            model, tokenizer = companion.load(role, source="pocket", dtype="float32", device="cpu")
            model.set_attn_implementation("eager")
            loaded[role] = model, tokenizer
        return loaded[role]

    return load


@pytest.fixture(scope="session")
def address(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pages with one widget each are served."""
    folder = tmp_path_factory.mktemp("site")
    browser.write_site(folder, models)
    with browser.served(folder) as address:
        yield address


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    with chromium(flags=("--window-size=1280,1000",), logs=("performance",)) as driver:
        yield driver


@pytest.fixture
def tab(driver: Any, address: str) -> Iterator[Any]:
    """A tab of its own: one that has run dozens of models in a minute may crash."""
    from tests.live.tab import Tab  # here: it needs selenium

    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    yield Tab(driver, address)
    driver.close()
    driver.switch_to.window(first)
