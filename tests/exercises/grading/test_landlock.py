"""The kernel's own rules for files, in a process that has asked for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from companion.exercises.grading import landlock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
PROGRAM = """
import os, sys
sys.path.insert(0, {code!r})
import landlock
print(landlock.restrict([{read!r}, {nowhere!r}], [{write!r}], [{names!r}]))
def tried(call, *args):
    try:
        call(*args)
    except OSError as error:
        print(type(error).__name__)
    else:
        print("done")
tried(open, {read!r} + "/x")
tried(open, {read!r} + "/x", "a")
tried(open, {write!r} + "/x", "w")
tried(os.mkdir, {write!r} + "/folder")
tried(os.listdir, {names!r})
tried(open, {names!r} + "/x")
tried(open, {secret!r} + "/x")
tried(os.listdir, {secret!r})
"""


def test_only_what_was_allowed_can_be_read_written_or_listed(tmp_path):
    places = {name: tmp_path / name for name in ("read", "write", "names", "secret")}
    for place in places.values():
        place.mkdir()
        (place / "x").write_text("text")
    places |= {"code": Path(landlock.__file__).parent, "nowhere": tmp_path / "nowhere"}
    program = PROGRAM.format(**{name: str(place) for name, place in places.items()})

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )

    in_force, *outcomes = done.stdout.split()
    if in_force == "False":
        pytest.skip("this kernel has no Landlock")
    refused = "PermissionError"
    assert outcomes == [
        "done", refused, "done", "done",
        "done", refused, refused, refused,
    ]  # fmt: skip


def test_elsewhere_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr(landlock.sys, "platform", "darwin")
    monkeypatch.setattr(landlock, "ctypes", None)  # no call to a kernel

    assert landlock.restrict([], [], []) is False
