"""The files of a submission: which are seen, and which are copied."""

import os

import pytest

from companion.exercises.grading.members import LARGEST_COPY, copy_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_a_file_that_grows_after_it_was_seen_is_not_copied_beyond_the_limit(tmp_path):
    (tmp_path / "ann").mkdir()
    for name, size in (("a", LARGEST_COPY - 1), ("b", 2), ("c", 1)):
        with (tmp_path / "ann" / name).open("wb") as file:
            file.truncate(size)
    (tmp_path / "copy").mkdir()

    copy_files([("ann", tmp_path / "ann")], tmp_path / "copy")

    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["a", "c"]
