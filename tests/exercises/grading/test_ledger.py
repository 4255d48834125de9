"""The ledger: what was graded counts again, and only for the same."""

from dataclasses import replace

import pytest

from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.submission import Submission


@pytest.mark.parametrize("change", ["seed", "files", "exercises", "version"])
def test_an_old_result_does_not_count_for_something_else(tmp_path, change):
    submission = Submission("right", (("right.py", tmp_path / "right.py"),), digest="one")
    Ledger(tmp_path / "l", "seed", ["a"], "v").put(submission, {"status": "graded"})

    seed = "other" if change == "seed" else "seed"
    ids = ["b"] if change == "exercises" else ["a"]
    digest = "other" if change == "files" else submission.digest
    version = "other" if change == "version" else "v"
    found = Ledger(tmp_path / "l", seed, ids, version).get(replace(submission, digest=digest))

    assert found is None
    assert Ledger(tmp_path / "l", "seed", ["a"], "v").get(submission) == {"status": "graded"}
