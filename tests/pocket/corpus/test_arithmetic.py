"""Word problems and calculations are right."""

import random
import re
from itertools import islice

from companion.pocket.corpus import (
    arithmetic,
    documents,
)

OPERATIONS = {"plus": int.__add__, "minus": int.__sub__, "times": int.__mul__}


def test_every_step_of_a_word_problem_is_right_and_leads_to_the_answer():
    rng = random.Random(0)
    for events in (2, 3):
        for _ in range(300):
            found = arithmetic.problem(rng, "train", events=events)
            steps = re.findall(r"(\d+) (plus|minus|times) (\d+) is (\d+)\.", found.reasoning)

            assert len(steps) == found.steps
            assert all(OPERATIONS[op](int(a), int(b)) == int(c) for a, op, b, c in steps)
            assert found.reasoning.endswith(f"{steps[-1][3]}. The answer is {found.answer}.")


def test_the_story_of_a_word_problem_gives_its_answer():
    found = arithmetic._tell(
        random.Random(0), 10, [("box", 3, 4), ("share", 2, 5), ("find", 6, 0), ("give", 8, 0)]
    )

    assert found.answer == 10 + 3 * 4 - 2 * 5 + 6 - 8
    assert arithmetic._tell(random.Random(0), 1, [("give", 8, 0)]) is None


def test_single_calculations_are_right():
    text = "\n".join(document.text for document in islice(documents(0, kind="arithmetic"), 300))

    said = re.findall(r"(\d+) (plus|minus|times) (\d+) is (-?\d+)\.", text)
    written = re.findall(r"(\d+) ([-+*]) (\d+)(?: = |\?\nAnswer: )(-?\d+)", text)

    assert len(said) > 300
    assert len(written) > 300
    assert all(OPERATIONS[op](int(a), int(b)) == int(c) for a, op, b, c in said)
    words = {"+": "plus", "-": "minus", "*": "times"}
    assert all(OPERATIONS[words[op]](int(a), int(b)) == int(c) for a, op, b, c in written)


def test_in_free_word_problems_anything_may_happen_and_the_reasoning_is_right():
    rng = random.Random(0)
    known = {2: set(), 4: set()}
    for events in known:
        for _ in range(60):
            found = arithmetic.problem(rng, "train", events=events, free=True)
            known[events].add(tuple(re.findall(r"buys|finds|gives away|to each", found.question)))
            *steps, last = found.reasoning.split(". ")
            assert last == f"The answer is {found.answer}."
            for a, word, b, value in (
                re.fullmatch(r"(\d+) (\w+) (\d+) is (\d+)", s).groups() for s in steps
            ):
                a, b = int(a), int(b)
                assert int(value) == {"plus": a + b, "minus": a - b, "times": a * b}[word]

    assert ("finds", "finds") in known[2]
    assert ("gives away", "buys") in known[2]
    assert all(len(plot) == 4 for plot in known[4])


def test_no_evaluated_word_problem_stands_in_the_training_documents():
    rng = random.Random(2)
    asked = {arithmetic.item(rng, "eval", reasoning=False)[0] for _ in range(500)}

    text = "\n".join(document.text for document in islice(documents(0, kind="word_problems"), 3000))

    assert not [prompt for prompt in asked if prompt in text]
