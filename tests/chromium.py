"""One way to start Chromium in a test: without a window, and with this machine only in reach."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
ABSENT = None
if not (shutil.which(BROWSER) and shutil.which(DRIVER)):
    ABSENT = "chromium and chromium-driver are not installed"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@contextmanager
def chromium(
    *,
    flags: tuple[str, ...] = (),
    logs: tuple[str, ...] = (),
    downloads: Path | None = None,
) -> Iterator[Any]:
    """Start a browser; the test is skipped where there is none.

    Args:
        flags: Beside `FLAGS`, such as the size of the window.
        logs: Kinds that ``driver.get_log`` shall give, "browser" or "performance".
        downloads: Folder for what is downloaded.
    """
    if ABSENT:
        pytest.skip(ABSENT)
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    if downloads:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
