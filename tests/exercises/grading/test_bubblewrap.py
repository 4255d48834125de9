"""The command that starts a process under bubblewrap."""

import os
import subprocess
import sys

import pytest

from companion.exercises.grading import bubblewrap
from companion.exercises.grading.bubblewrap import isolation

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


@pytest.mark.skipif(isolation() != "bubblewrap", reason="needs bubblewrap")
def test_python_starts_in_the_sandbox_by_a_link_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "python3").symlink_to(sys.executable)
    (tmp_path / "venv-python").symlink_to("python3")  # relative, as in a folder of versions
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv-python"))
    program = [sys.executable, "-c", "print(42)"]

    command = bubblewrap.command(tmp_path, tmp_path, 2**24, {}, program)

    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == "42\n"
