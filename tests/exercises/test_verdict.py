"""What a check found: its points, and how it says itself."""

import pytest

from companion.exercises import catalog
from companion.exercises.verdict import CaseResult, Verdict, not_attempted

HEAD = catalog.find("attention-head")  # 2 points


@pytest.mark.parametrize(("share", "points"), [(0.0, 0.0), (0.25, 0.5), (1.0, 2.0)])
def test_points_are_the_share_of_those_of_the_exercise(share, points):
    assert Verdict(HEAD, "partly right", share=share).points == points


def test_it_shows_what_was_passed_and_failed_and_why():
    cases = (
        CaseResult("a batch", True, "x", "not shown", "not shown"),
        CaseResult("a <tie>", False, "f(1)", "expected 2, got 3", "Is `1` even?"),
    )
    verdict = Verdict(HEAD, "partly right", share=0.5, cases=cases, message="Nearly.")

    text, page = repr(verdict), verdict._repr_html_()

    assert text.splitlines() == [
        "attention-head: partly right (1 of 2 cases, 1 of 2 points)",
        "Nearly.",
        "  passed  a batch",
        "  FAILED  a <tie>",
        "          called with: f(1)",
        "          but: expected 2, got 3",
        "          think: Is 1 even?",
    ]
    assert "not shown" not in page
    assert "a &lt;tie&gt;" in page
    assert "<code>1</code>" in page


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("attention-head", "Fill in attention, then run this cell again."),
        ("llama-2-cache", "Set llama_2_cache, then run this cell again."),
    ],
)
def test_an_untouched_stub_is_told_what_to_do(name, says):
    verdict = not_attempted(catalog.find(name))

    assert (verdict.state, verdict.points, verdict.message) == ("not attempted", 0.0, says)
