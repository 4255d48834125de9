"""A folder that one process writes at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from companion._claim import NAME, claimed
from companion.errors import CompanionError

HOLD = """
import pathlib, sys
from companion._claim import claimed
with claimed(pathlib.Path(sys.argv[1])):
    print(flush=True)
    input()
"""


def test_a_folder_is_free_before_and_after(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path):
            assert f"process {os.getpid()} " in (tmp_path / NAME).read_text()


def test_a_second_writer_hears_who_the_first_one_is(tmp_path: Path) -> None:
    message = rf"is being written by process {os.getpid()} on .*name another folder"
    for _ in range(2):  # the one that was refused takes nothing away
        with claimed(tmp_path), pytest.raises(CompanionError, match=message), claimed(tmp_path):
            pass


def test_a_writer_that_is_killed_frees_the_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(CompanionError, match=f"process {holder.pid} "), claimed(tmp_path):
            pass

        holder.kill()
        holder.wait()

        with claimed(tmp_path):
            pass


@pytest.mark.parametrize("left", [b"", b"\xff\xfe", b"process 4000000 on moon\n"])
def test_what_a_writer_has_left_claims_nothing(left: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(left)

    with claimed(tmp_path):
        assert str(os.getpid()) in (tmp_path / NAME).read_text()
