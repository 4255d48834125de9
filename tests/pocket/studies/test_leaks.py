"""Leaked problems: as many for each number of times, and none that training had seen before."""

from collections import Counter

from companion.pocket.studies.leaks import ITEMS, TIMES, leaked_problems


def test_each_number_of_times_has_as_many_problems():
    found = leaked_problems()

    assert Counter(leak.times for leak in found) == dict.fromkeys(TIMES, ITEMS)
    assert len({leak.text for leak in found}) == len(found)
    assert found == leaked_problems()


def test_a_problem_ends_with_its_answer():
    assert all(leak.text.endswith(f" {leak.answer}") for leak in leaked_problems())
