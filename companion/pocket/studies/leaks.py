"""Problems of a test that get into the training text, each as often as it says.

Taught in :doc:`/book/applications/evaluation` and :doc:`/book/training/data`. Left out: the
training; the experiment ``data_quality`` has it.
"""

import random
from typing import NamedTuple

from companion.pocket.corpus.arithmetic import direct, problem

TIMES = (0, 1, 3, 10, 30)
ITEMS = 12
"""Problems for each number of times."""


class Leak(NamedTuple):
    """A problem of the test with its answer, and how often training sees both."""

    text: str
    answer: int
    times: int


def leaked_problems(*, seed: int = 0) -> list[Leak]:
    """Return word problems that training never saw, `ITEMS` for each number of times."""
    rng = random.Random(seed)
    drawn = [(times, problem(rng, "eval")) for times in TIMES for _ in range(ITEMS)]
    return [Leak(direct(item), item.answer, times) for times, item in drawn]
