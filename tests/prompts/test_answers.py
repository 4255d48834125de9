"""Answers found in text, or a clear error; votes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import AnswerNotFoundError
from companion.prompts import extract_after, extract_choice, extract_number, majority_vote


def test_the_last_marker_counts() -> None:
    text = "The answer is 4, no. the ANSWER is 5.\nQuestion: next. 6"

    assert extract_after(text) == "5"


def test_a_colon_and_the_period_are_left_out() -> None:
    assert extract_after("Result: 12.5.", "Result") == "12.5"


@pytest.mark.parametrize("text", ["", "42", "The answer is", "The answer is .\n7"])
def test_no_answer_is_an_error_not_a_guess(text: str) -> None:
    with pytest.raises(AnswerNotFoundError, match="no answer after 'The answer is'"):
        extract_after(text)


def test_an_empty_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="marker must not be empty"):
        extract_after("x", "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 7.", 7),
        ("The answer is -7.", -7),
        ("The answer is \u22127.", -7),
        ("The answer is 1,234 marbles.", 1234),
        ("The answer is $6.00.", 6),
        ("The answer is 2.5 liters, not 3.", 2.5),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: float) -> None:
    assert extract_number(text) == number
    assert isinstance(extract_number(text), type(number))


def test_without_a_marker_the_last_number_counts() -> None:
    assert extract_number("3 + 4 = 7, surely", None) == 7


def test_a_hyphen_between_two_numbers_is_no_sign() -> None:
    assert extract_number("between 3-4", None) == 4
    assert extract_number("from 3 to -4", None) == -4


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 400 + ".5"])
def test_a_number_too_long_to_be_one_is_an_error(number: str) -> None:
    with pytest.raises(AnswerNotFoundError, match="digits"):
        extract_number(f"The answer is {number}.")


@pytest.mark.parametrize("marker", [None, "The answer is"])
def test_a_text_without_a_number_is_an_error(marker: str | None) -> None:
    with pytest.raises(AnswerNotFoundError, match="no number"):
        extract_number("The answer is unknown.", marker)


def test_a_long_text_is_quoted_from_its_end() -> None:
    with pytest.raises(AnswerNotFoundError) as caught:
        extract_number("a" * 500 + " the end", None)

    assert "the end" in str(caught.value)
    assert len(str(caught.value)) < 150


@given(st.integers(-(10**12), 10**12))
def test_every_whole_number_is_found_again(number: int) -> None:
    assert extract_number(f"The answer is {number:,}.") == number
    assert extract_number(f"The answer is {number}.") == number


def test_a_choice_is_a_whole_word_in_any_case() -> None:
    assert extract_choice(" FRUIT.", ["fruit", "tool"]) == "fruit"
    assert extract_choice("grapefruit tool", ["fruit", "tool"]) == "tool"


@pytest.mark.parametrize("text", ["a fruit or a tool", "neither", ""])
def test_two_labels_or_none_are_no_choice(text: str) -> None:
    with pytest.raises(AnswerNotFoundError, match="exactly one"):
        extract_choice(text, ["fruit", "tool"])


def test_choices_are_needed() -> None:
    with pytest.raises(ValueError, match="at least one label"):
        extract_choice("x", [])


def test_the_majority_wins() -> None:
    vote = majority_vote([3, 5, 5], samples=5)

    assert vote.answer == 5
    assert vote.agreement == 0.4


def test_of_equals_the_first_wins() -> None:
    assert majority_vote(["b", "a", "a", "b"]).answer == "b"


def test_a_vote_without_answers_has_no_winner() -> None:
    vote = majority_vote([], samples=4)

    assert vote.agreement == 0
    with pytest.raises(AnswerNotFoundError, match="none of 4 texts"):
        _ = vote.answer


@pytest.mark.parametrize(("answers", "samples"), [([1, 2], 1), ([], 0), ([], None)])
def test_a_vote_needs_as_many_samples_as_answers(answers: list, samples: int | None) -> None:
    with pytest.raises(ValueError, match="samples must be at least 1"):
        majority_vote(answers, samples=samples)
