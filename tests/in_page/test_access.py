"""A page of exercises is accessible, in light and dark, on a wide screen and on a phone."""

from tests.axe import VIEWS, faults
from tests.in_page.test_exercises_in_page import WRONG


@VIEWS
def test_a_page_with_a_verdict_and_a_hint_has_no_fault(warm, views):
    warm.check("causal-mask", WRONG)
    warm.run("document.querySelectorAll('#the-causal-mask details').forEach(d => d.open = true)")

    assert faults(warm.driver, "#the-causal-mask, .exercise-panel", views) == []
