"""Reading submissions: one that can't be read costs nobody else anything."""

import json
import os
import stat

import pytest

from companion.exercises.grading import reader
from companion.exercises.grading.members import copy_files
from companion.exercises.grading.reader import read, read_all

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def parts(path):
    return [(path.name, path)]


@pytest.mark.slow
def test_what_takes_for_ever_or_all_memory_is_given_up_and_the_rest_is_read(tmp_path):
    slow = "\n".join(["x = f(", *["%time 1"] * 60_000])  # IPython reads it again for each line
    cell = {"cell_type": "code", "source": "%%time\n" + "!ls\n" * 20_000 + slow}
    (tmp_path / "slow.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    (tmp_path / "vast.ipynb").write_text('{"cells": [' + "{}," * 30_000_000 + "{}]}")
    (tmp_path / "fine.py").write_text("x = 1\n")
    order = ["fine.py", "slow.ipynb", "fine.py", "vast.ipynb", "fine.py"]

    found = list(read_all([parts(tmp_path / name) for name in order], seconds=5.0))

    assert [bool(one["problem"]) for one in found] == [False, True, False, True, False]
    assert "takes more than 5 s, or too much memory" in found[1]["problem"]


@pytest.mark.parametrize(("patience", "given_up"), [(1.0, True), (6_000.0, False)])
def test_a_busy_machine_may_take_longer(tmp_path, monkeypatch, patience, given_up):
    (tmp_path / "fine.py").write_text("x = 1\n")
    monkeypatch.setattr(reader, "patience", lambda: patience)

    (found,) = read_all([parts(tmp_path / "fine.py")], seconds=0.01)

    assert bool(found["problem"]) is given_up


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    folder = tmp_path / "ann"
    (folder / "closed").mkdir(parents=True)
    (folder / "hw.py").write_text("x = 1\n")
    (folder / "secret.csv").write_text("1")
    (folder / "data.csv").write_text("1")
    (folder / "secret.csv").chmod(0)
    (folder / "closed").chmod(0)
    os.mkfifo(folder / "pipe.py")
    (folder / "link.py").symlink_to("/etc/passwd")
    (tmp_path / "copy").mkdir()

    found = read([("ann", folder)])
    copy_files([("ann", folder)], tmp_path / "copy")
    (folder / "closed").chmod(stat.S_IRWXU)

    assert found["problem"] == ""
    copied = {path.name for path in (tmp_path / "copy").iterdir() if path.is_file()}
    assert {"hw.py", "data.csv"} <= copied <= {"hw.py", "data.csv", "secret.csv"}
    if os.geteuid() != 0:  # root may read everything
        assert any("closed: can't be read" in note for note in found["notes"])
        assert any("secret.csv is left out: Permission denied" in note for note in found["notes"])


def test_the_digest_changes_with_every_file_that_the_code_may_read(tmp_path):
    folder = tmp_path / "ann"
    folder.mkdir()
    (folder / "hw.py").write_text("import helper\n")
    digests = []
    for name, text in (("n.txt", "1"), ("n.txt", "2"), ("helper.py", "x"), ("hw.py", "import h\n")):
        (folder / name).write_text(text)
        digests.append(read([("ann", folder)])["digest"])

    assert len(set(digests)) == 4
    assert read([("ann", folder)])["digest"] == digests[-1]
