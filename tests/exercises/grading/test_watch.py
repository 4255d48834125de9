"""What the grader looks at while a worker runs."""

import os

import pytest

from companion.exercises.grading import watch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_looking_costs_nothing_where_the_kernel_holds_the_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "resident", lambda _: 1 / 0)
    monkeypatch.setattr(watch, "sizes", lambda _: 1 / 0)

    assert watch.excess(("sized folder", "call filter"), 1, tmp_path, 0, 0) == ""
