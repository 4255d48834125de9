"""The moving picture of the README: a widget of a page, with its temperature moved by a script.

    python book/_tools/moving_picture.py [--site _build/html] [--out .github/page.webp]

Needs a built site (`make book`), Chromium with its driver, and selenium.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from project import BookError

PAGE = "book/gpt/next-token.html"
SIZE = {"width": 880, "height": 980}  # pixels
TEXT = "One morning, Mia went to the market. She"
TEMPERATURES = [1.0, 0.7, 0.5, 0.3, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 1.8, 2.2, 2.6, 2.2, 1.8, 1.4]
MILLISECONDS = 450  # a frame is shown for so long, the first one longer
BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
SHOW = """
const top = arguments[0].getBoundingClientRect().top + scrollY - 60;  // below the page's header
scrollTo({ top, behavior: "instant" });
"""
SET = """
const [control, value] = arguments;
control.value = value;
control.dispatchEvent(new Event("input", { bubbles: true }));
control.dispatchEvent(new Event("change", { bubbles: true }));
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--site", type=Path, default=Path("_build/html"), help="the built site")
    parser.add_argument("--out", type=Path, default=Path(".github/page.webp"), help="the picture")
    options = parser.parse_args(arguments)
    try:
        frames = photograph(options.site)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    durations = [3 * MILLISECONDS] + [MILLISECONDS] * (len(frames) - 1)
    first, *others = frames
    first.save(
        options.out, save_all=True, append_images=others, duration=durations, loop=0, quality=70
    )
    print(f"{options.out}: {len(frames)} frames, {options.out.stat().st_size / 1000:.0f} kB")
    return 0


def photograph(site: Path) -> list[Image.Image]:
    """Run the widget and take a picture at each temperature.

    Raises:
        BookError: If there is no site, no browser, or no such widget on the page.
    """
    if not (site / PAGE).is_file():
        raise BookError(f"{site / PAGE} does not exist; run: make book")
    with served(site) as address, browser() as driver:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support import expected_conditions
        from selenium.webdriver.support.ui import WebDriverWait

        driver.get(f"{address}/{PAGE}")
        wait = WebDriverWait(driver, 60)
        find = functools.partial(driver.find_element, By.CSS_SELECTOR)
        driver.execute_script("arguments[0].click()", find(".live-start"))
        wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, ".live-buttons button"))
        driver.execute_script(SET, find(".live textarea"), TEXT)
        driver.execute_script("arguments[0].click()", find(".live-buttons button"))
        wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, ".live table"))
        driver.execute_script(SHOW, find(".live"))
        slider = find(".live input[type=range]")
        frames = []
        for temperature in TEMPERATURES:
            table = find(".live table")
            driver.execute_script(SET, slider, temperature)
            wait.until(expected_conditions.staleness_of(table))
            frames.append(Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB"))
        return frames


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; gives its address."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium without a window.

    Raises:
        BookError: If the browser, its driver or selenium is missing.
    """
    try:
        from selenium import webdriver
    except ModuleNotFoundError:
        raise BookError('selenium is missing; run: pip install ".[test]"') from None
    if not (Path(BROWSER).exists() and Path(DRIVER).exists()):
        raise BookError("no Chromium; on Debian: sudo apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    view = {**SIZE, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
    try:
        yield driver
    finally:
        driver.quit()


if __name__ == "__main__":
    sys.exit(main())
