"""The package on a second device: one that needs no hardware, and refuses what a GPU refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAR = ROOT / "book" / "_tools" / "far"
PROGRAM = Path(__file__).with_name("far_checks.py")
NAMES = [
    line.split("(")[0].removeprefix("def ")
    for before, line in zip(
        PROGRAM.read_text(encoding="utf-8").splitlines(),
        PROGRAM.read_text(encoding="utf-8").splitlines()[1:],
        strict=False,
    )
    if before == "@check"
]
sys.path.insert(0, str(FAR))

import far_device  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not far_device.can_build(), reason="needs a C++ compiler and ninja"),
]


@pytest.fixture(scope="module")
def errors() -> dict[str, str | None]:
    """Run the checks in a process of their own: a device can't be taken away again."""
    environment = {
        **os.environ,
        "BOOK_FAR": str(far_device.build()),
        "COMPANION_DEVICE": "far",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(FAR), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_on_another_device(errors: dict[str, str | None], name: str) -> None:
    assert errors[name] is None, errors[name]
