"""What axe-core finds wrong in a page, in light and dark, on a wide screen and on a phone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
USUAL = ((1280, "light"), (390, "dark"))  # width in CSS pixels, and scheme
OTHERS = ((1280, "dark"), (390, "light"))
VIEWS = pytest.mark.parametrize(
    "views", [USUAL, pytest.param(OTHERS, marks=pytest.mark.slow)], ids=["usual", "others"]
)
"""For a test that looks in two of the four views; the others are slow."""
STILL = """\
const style = document.createElement("style");
style.textContent = "* { transition: none !important; animation: none !important; }";
document.head.append(style);
"""
DRESS = """\
document.documentElement.dataset.theme = arguments[0];
document.documentElement.dataset.mode = arguments[0];
return document.documentElement.scrollWidth - window.innerWidth;
"""
RUN = """\
const [selector, done] = arguments;
axe.run(selector, {resultTypes: ["violations"]}).then(({violations}) => done(
  violations.flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target.join(" ")}`))));
"""


def faults(
    driver: Any, selector: str = "html", views: Sequence[tuple[int, str]] = USUAL
) -> list[str]:
    """Return what is wrong within an element of the page that is open.

    The page is loaded once: colors and width are switched in place, and the width is put back.

    Args:
        driver: A browser of selenium.
        selector: CSS selector of the element.
        views: Widths and schemes.

    Returns:
        One line for each fault: scheme, width, rule and element. ``overflow`` is a page that is
        wider than the window.
    """
    driver.execute_script(AXE.read_text(encoding="utf-8") + STILL)
    problems = []
    for width, scheme in views:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wider = driver.execute_script(DRESS, scheme)
        broken = driver.execute_async_script(RUN, selector)
        broken += [f"overflow: {wider} pixels"] if wider > 0 else []
        problems += [f"{scheme}, {width}: {fault}" for fault in broken]
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return problems
