"""The items on which pocket and open are compared: right, apart, and new to the pocket models."""

import operator
import re

import pytest
from _experiments import _capitals, open_prompting, open_reasoning
from _experiments._side_by_side import SPLITS, check_split, load_columns, load_items

from companion.pocket.corpus.facts import CAPITALS

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
WORDS = {"+": "plus", "-": "minus", "*": "times"}
SIZES = {"development": 20, "held_out": 40}


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


def plot(question: str) -> str:
    """Return a question without its numbers."""
    return re.sub(r"\d+", "#", question)


PROBLEMS = [
    problem for part in ("examples", *SPLITS) for problem in load_items("word_problems")[part]
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem["question"][:30])
def test_the_answer_of_a_word_problem_follows_from_its_numbers_in_two_steps(problem) -> None:
    known = numbers(problem["question"])

    for left, operation, right, result in problem["steps"]:
        assert left in known
        assert right in known
        assert OPERATIONS[operation](left, right) == result
        known.append(result)

    used = {value for left, _, right, _ in problem["steps"] for value in (left, right)}
    assert len(problem["steps"]) == 2
    assert set(numbers(problem["question"])) <= used
    assert problem["answer"] == problem["steps"][-1][-1]


def test_the_reasoning_of_the_examples_is_their_steps_in_words() -> None:
    for example in load_items("word_problems")["examples"]:
        told = [f"{a} {WORDS[how]} {b} is {c}." for a, how, b, c in example["steps"]]
        assert example["reasoning"] == " ".join(told)


def test_no_plot_of_a_word_problem_stands_in_both_splits() -> None:
    stored = load_items("word_problems")
    plots = {split: [plot(one["question"]) for one in stored[split]] for split in SPLITS}

    assert {split: len(found) for split, found in plots.items()} == SIZES
    assert {split: len(set(found)) for split, found in plots.items()} == {
        "development": 10,
        "held_out": 20,
    }
    assert not set(plots["development"]) & set(plots["held_out"])


def test_half_of_the_reviews_are_positive_and_none_is_asked_twice() -> None:
    stored = load_items("reviews")
    texts = [one["text"] for part in ("examples", *SPLITS) for one in stored[part]]

    assert len(texts) == len(set(texts)) == 85
    for split, size in (("development", 20), ("held_out", 60)):
        labels = [one["label"] for one in stored[split]]
        assert labels.count("positive") == labels.count("negative") == size / 2


def test_reviews_of_the_grammar_are_not_shown_and_asked() -> None:
    for split in SPLITS:
        shown, asked = open_prompting.review_items(split)["grammar"]
        assert len(shown) == 5
        assert not {text for text, _ in shown} & {text for text, _ in asked}
        assert {label for _, label in shown} == {"positive", "negative"}


def test_capitals_and_sums_of_the_splits_share_nothing() -> None:
    development, held_out = map(_capitals.capital_countries, SPLITS)
    assert sorted(development + held_out) == sorted(CAPITALS)
    assert (len(development), len(held_out)) == (10, 40)

    for name in ("one digit", "two digits"):
        parts = [open_reasoning.sum_items(split)[name] for split in SPLITS]
        (shown, first), (also_shown, second) = parts
        assert shown == also_shown
        assert (len(first), len(second)) == (10, 40)
        assert len({*shown, *first, *second}) == 53


def test_the_same_words_are_asked_whatever_the_number_of_examples() -> None:
    rows = [open_prompting.rule_items(count, 4, "held_out") for count in (0, 1, 8)]
    asked = [[prompt.split("\n")[-1] for prompt, _ in row] for row in rows]
    answers = [[answer for _, answer in row] for row in rows]

    assert asked[0] == asked[1] == asked[2]
    assert answers[0] == answers[1] == answers[2]
    assert [row[0][0].count("\n") for row in rows] == [0, 1, 8]


def test_an_unknown_split_or_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"split must be one of .*, got 'test'"):
        check_split("test")
    with pytest.raises(ValueError, match=r"columns must be among .*, got \['closed'\]"):
        load_columns(["pocket", "closed"])
