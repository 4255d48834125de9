"""Who has handed in what: names that stay apart."""

import os

import pytest

from companion.exercises.grading.submission import alike, find_submissions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_every_entry_of_a_folder_has_a_name_of_its_own(tmp_path):
    names = [b"smith.py", b"smith.ipynb", b"smith.ipynb.py", b"smith.zip", b"smith"]
    names += [b"M\xfcller.py", "Mu\u0308ller.py".encode(), "Müller.ipynb".encode()]
    names += [
        b"a\nb.py",
        b"a\tb.py",
        b"Ann.py",
        b"ann.py",
        "\u202eyp.py".encode(),
        b"x" * 250 + b".py",
    ]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"x = 1\n")

    found = [one.name for one in find_submissions(tmp_path)]

    assert len(found) == len(names)
    assert len({alike(name) for name in found}) == len(names)
    assert {"smith.py", "smith.ipynb", "smith.ipynb.py"} <= set(found)
    assert all(name.isprintable() and name.encode() for name in found)


@pytest.mark.parametrize(
    "pair", [("a b", "a  b"), ("a b", "a\u00a0b"), ("ab", "a\u200bb"), ("=1", "'=1"), ("ﬁn", "fin")]
)
def test_names_that_look_the_same_in_a_table_get_a_mark(tmp_path, pair):
    for name in pair:
        (tmp_path / f"{name}.py").write_text("x = 1\n")

    found = find_submissions(tmp_path)

    assert {one.name for one in found} & set(pair) == set()
    assert len({" ".join(one.name.split()) for one in found}) == 2


def test_a_hidden_notebook_is_handed_in_and_what_systems_leave_is_not(tmp_path):
    for name in (".hw_9_10.ipynb", ".DS_Store", "._hw.ipynb", "ann.py"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()

    assert [submission.name for submission in find_submissions(tmp_path)] == [".hw_9_10", "ann"]
