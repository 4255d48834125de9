"""Reading submissions: one that can't be read costs nobody else anything."""

import inspect
import json
import os
import stat
import sys
import types

import pytest

from companion.exercises import learner
from companion.exercises.grading import reader, stand_in
from companion.exercises.grading.cells import kind, read_cells
from companion.exercises.grading.magics import plain_python
from companion.exercises.grading.members import LARGEST_COPY, copy_files
from companion.exercises.grading.reader import read, read_all
from companion.exercises.grading.submission import find_submissions

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


def test_a_file_that_grows_after_it_was_seen_is_not_copied_beyond_the_limit(tmp_path):
    (tmp_path / "ann").mkdir()
    for name, size in (("a", LARGEST_COPY - 1), ("b", 2), ("c", 1)):
        with (tmp_path / "ann" / name).open("wb") as file:
            file.truncate(size)
    (tmp_path / "copy").mkdir()

    copy_files([("ann", tmp_path / "ann")], tmp_path / "copy")

    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["a", "c"]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "",
        "def f(:",
        "x = '''\n%time\n'''",
        "a = (1\n% 2)\n",
        "'really?'",
        "# %%time\nx = 1",
    ],
)
def test_what_is_python_or_nothing_at_all_stays_as_it_is(source):
    assert plain_python(source).rstrip("\n") == source.rstrip("\n")


def test_the_body_of_a_magic_is_run_statement_by_statement():
    text = plain_python("%%capture out\n%%time\nx = 1\n!ls\n%cd y")

    assert text.splitlines() == [
        "x = 1",
        "get_ipython().system('ls')",
        "get_ipython().run_line_magic('cd', 'y')",
        "out = get_ipython().captured()",
    ]
    assert "run_cell_magic('timeit'" in plain_python("%%timeit -n 3\nx = 1\n!ls")
    deep = "%%time\n" * 1000 + "x = 1"
    assert read_cells(
        "a.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": deep}]}).encode()
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.ipynb", ".ipynb"), ("A.PY", ".py"), ("a.ipynb.txt", ".ipynb"), ("a.py.download", ".py"),
     ("a.txt", ""), ("ipynb", ""), ("a.pyc", "")],
)  # fmt: skip
def test_the_kind_is_told_by_the_name(name, expected):
    assert kind(name) == expected


def test_the_stand_in_has_the_signatures_of_the_real_functions():
    before = {name: sys.modules.get(name) for name in ("companion", "companion.exercises")}
    given = {}
    try:
        stand_in.install(given)
        fake = sys.modules["companion.exercises"]
    finally:
        sys.modules.update(before)

    assert isinstance(fake, types.ModuleType)
    for name in ("check", "hint", "solution", "progress", "report", "show"):
        real, mine = (inspect.signature(getattr(one, name)) for one in (learner, fake))
        shape = [(one.name, one.kind, one.default) for one in real.parameters.values()]
        assert [(one.name, one.kind, one.default) for one in mine.parameters.values()] == shape
    with pytest.raises(TypeError):
        fake.check("causal-mask", 1, 2)
    fake.check("a")
    fake.check("b", answer=3)
    assert given == {"b": 3}


def test_a_hidden_notebook_is_handed_in_and_what_systems_leave_is_not(tmp_path):
    for name in (".hw_9_10.ipynb", ".DS_Store", "._hw.ipynb", "ann.py"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()

    assert [submission.name for submission in find_submissions(tmp_path)] == [".hw_9_10", "ann"]
