"""Numbers in text, and that prompts and rewards read the same ones."""

import pytest

from companion.errors import AnswerNotFoundError
from companion.number_text import find_numbers, whole_number_text
from companion.prompts.answers import extract_number
from companion.rewards import exact_answer

FORMS = {
    "42": 42,
    "-5": -5,
    "\u22125": -5,
    "1,000": 1000,
    "12,345,678": 12_345_678,
    "1 000": 1000,
    "1\u202f000\u202f000": 1_000_000,
    "12\u00a0345": 12_345,
    "$42": 42,
    "-$5": -5,
    "$1,000.50": 1000.5,
    "\u20ac3": 3,
    "42.0": 42,
    "2.50": 2.5,
    ".5": 0.5,
    "1e3": 1000,
    "2.5E-1": 0.25,
    "1/2": 0.5,
    "-7/2": -3.5,
    "6/3": 2,
    "007": 7,
}


@pytest.mark.parametrize(("text", "value"), FORMS.items())
def test_prompts_and_rewards_read_the_same_number(text: str, value: float) -> None:
    said = f"So it is clear. The answer is {text}."

    assert whole_number_text(text) == whole_number_text(f" {text}. ") == value
    assert type(whole_number_text(text)) is type(value)
    assert extract_number(said) == extract_number(f"It is {text}", marker=None) == value
    records = [{"answer": answer} for answer in (text, str(value), value, value + 1)]
    assert exact_answer(records, [said] * 4).tolist() == [1, 1, 1, 0]
    assert exact_answer(records, [f" {text}. "] * 4).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5-3", [5, 3]),
        ("pages 3-7", [3, 7]),
        ("in 2024 100 people", [2024, 100]),
        ("1,2,3", [1, 2, 3]),
        ("10,00", [10, 0]),
        ("1.2.3", [1.2, 3]),
        ("3 apples and 12 pears", [3, 12]),
        ("2 x 3 = 6", [2, 3, 6]),
        ("(-4)", [-4]),
        ("no number, e.g. none", []),
        ("1e", [1]),
        ("50%", [50]),
    ],
)
def test_numbers_in_a_sentence(text: str, numbers: list[float]) -> None:
    assert find_numbers(text) == numbers


@pytest.mark.parametrize(
    ("answer", "said", "right"),
    [
        ("42", "The answer is 421.", 0),
        ("42", "The answer is 42 apples.", 1),
        ("42", "The answer is 42, which is 40 + 2.", 1),
        ("42", "The answer is 41. No: The answer is 42.", 1),
        ("42", "The answer is not clear.", 0),
        ("42", "42 apples", 0),
        ("42", "I say 42.", 0),
        ("-5", "The answer is 5.", 0),
        ("0.5", "The answer is 1/2.", 1),
        ("1000", "The answer is 1,00.", 0),
        ("blue", "The answer is blue.", 1),
        ("blue", "blue.", 1),
        ("blue", "The answer is bluer.", 0),
        ("3 apples", "3 apples", 1),
        ("42", "", 0),
        ("42", "The answer is " + "9" * 5000, 0),
        ("42", "9" * 5000, 0),
        ("42", "The answer is 1/0.", 0),
        ("42", "The answer is 1e999999999.", 0),
    ],
)
def test_the_reward_of_an_answer(answer: str, said: str, right: int) -> None:
    assert exact_answer([{"answer": answer}], [said]).item() == right


@pytest.mark.parametrize("number", ["9" * 400, "1e400", "1e-999999999", "1/0", "3/000"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"digits|divides by 0"):
        find_numbers(number)
    with pytest.raises(AnswerNotFoundError, match="no number in"):
        extract_number(f"The answer is {number}")
