"""nbval runs the notebooks' kernels with the same environment as the tool that made them.

Outputs of the open model are compared where it was fetched. Elsewhere such a cell is run, so that
it can say what it leaves out, and the end of the report says that it was not compared.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "_tools"))

import pytest
from execution import KERNEL_ENVIRONMENT
from open_cells import LEFT_OUT, installed, is_comparable

PLOT = "image/svg+xml"

os.environ.update(KERNEL_ENVIRONMENT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave outputs alone that can't be had here."""
    for item in items:
        if not hasattr(item, "cell"):
            continue
        if not is_comparable(item.cell):
            item.options["check"] = False
        if PLOT not in item.parent.skip_compare:  # nbval leaves out PNG and JPEG by itself
            item.parent.skip_compare += (PLOT,)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words what was not compared."""
    if not installed():
        terminalreporter.write_line(LEFT_OUT)
