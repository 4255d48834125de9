"""Two numbers agree by the same rule wherever they stand: alone, in a list, in an array."""

import math

import numpy as np
import pytest

from companion.exercises.comparison import difference

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("expected", "got", "agree"),
    [
        (1.0, 1.009, True),
        (1.0, 1.011, False),
        (1000.0, 1009.0, True),  # relative above 1
        (1000.0, 1011.0, False),
        (0.001, 0.0109, True),  # absolute below it
        (0.001, 0.0111, False),
        (-2.0, 2.0, False),
        (NAN, NAN, True),
        (NAN, 1.0, False),
        (1.0, NAN, False),
        (INF, INF, True),
        (INF, -INF, False),
        (INF, 1e300, False),
        (1.0, INF, False),
    ],
)
def test_two_numbers_agree_by_one_rule(expected: float, got: float, agree: bool) -> None:
    alone = difference(expected, got, 0.01)
    in_a_list = difference([0.5, expected], [0.5, got], 0.01)
    in_an_array = difference(np.array([0.5, expected]), np.array([0.5, got]), 0.01)

    assert [found is None for found in (alone, in_a_list, in_an_array)] == [agree] * 3


def test_the_first_element_that_differs_is_named() -> None:
    expected, got = np.zeros((2, 3)), np.zeros((2, 3))
    got[1, 1:] = 1

    assert difference(expected, got, 0.1) == (
        "at [1, 1]: expected 0.0, got 1.0 (2 of 6 elements differ)"
    )
