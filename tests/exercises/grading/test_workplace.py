"""The folder that a submission works in: a copy of the files, of a fixed size where that works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from companion.exercises.grading import workplace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
PROGRAM = """
import os, sys
sys.path.insert(0, {code!r})
import workplace
made = workplace.enter({work!r}, {given!r}, 3 * 2**20, 64)
size = 0
try:
    with open("large", "wb", 0) as file:
        while size < 2**24:
            size += file.write(bytes(2**16))
except OSError:
    pass
print({work!r} in made, size, open("part/own.txt").read(), os.getcwd())
"""


@pytest.fixture
def given(tmp_path):
    """A student's files, which others may not write to."""
    (tmp_path / "given" / "part").mkdir(parents=True)
    (tmp_path / "given" / "part" / "own.txt").write_text("text")
    (tmp_path / "given" / "part" / "own.txt").chmod(0o400)
    (tmp_path / "work").mkdir()
    return tmp_path / "given"


@pytest.mark.skipif(sys.platform != "linux", reason="a file system in memory is Linux's")
def test_it_has_a_size_and_nobody_else_sees_it(given, tmp_path):
    work = tmp_path / "work"
    code = str(Path(workplace.__file__).parent)
    program = PROGRAM.format(code=code, work=str(work), given=str(given))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )

    sized, size, text, place = done.stdout.split()
    if sized == "False":
        pytest.skip("this system forbids to mount a file system")
    assert 2**20 < int(size) <= 2 * 2**20
    assert (text, place) == ("text", str(work))
    assert list(work.iterdir()) == []


def test_elsewhere_it_is_an_ordinary_folder_with_a_copy_that_may_be_changed(
    given, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workplace.sys, "platform", "darwin")

    made = workplace.enter(str(tmp_path / "work"), str(given), 2**20, 64)

    assert made == []
    assert os.getcwd() == str((tmp_path / "work").resolve())
    copy = tmp_path / "work" / "part" / "own.txt"
    assert copy.read_text() == "text"
    assert copy.stat().st_mode & 0o777 == 0o666
    assert (given / "part" / "own.txt").stat().st_mode & 0o777 == 0o400
