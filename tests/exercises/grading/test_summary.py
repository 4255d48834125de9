"""The summary: who needs attention, which mistakes are common."""

import os

import pytest

from companion.exercises.grading.summary import summary
from tests.exercises.grading.rows import MASK, row

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_the_summary_says_who_needs_attention_the_gravest_first():
    text = summary(
        {
            "fine": row(),
            "lost": row(0.5, lost=["hw.py, line 1: NameError: x|y"]),
            "zero": row(0.0),
            "unread": row(status="unreadable", notes=[".pdf: not a notebook"], exercises={}),
            "slow": row(0.5, status="stopped", ending="hw.py: your code did not come to an end"),
            "bad": row(status="not judged", notes=["could not be judged: E"], exercises={}),
            "weak": row(isolation="limits only (guard)"),
        },
        MASK,
        ["to import: g-canvas.csv"],
    )

    lines = [line for line in text.splitlines() if line.startswith("| ")]
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines[1:]]
    assert named[:6] == ["---", "bad", "unread", "slow", "zero", "lost"]
    assert "NameError: x\\|y" in text
    assert "- unreadable: there is no code that could be run" in text
    assert "- not judged: grading this one failed" in text
    assert "1 of them ran without bubblewrap" in text
    assert "- to import: g-canvas.csv" in text


def test_a_fine_class_needs_nobody():
    assert "Nobody needs special attention" in summary({"a": row()}, MASK)
