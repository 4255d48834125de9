"""Numbers in text, and that prompts and rewards read the same ones."""

import time
from contextlib import suppress

import pytest

from companion.errors import AnswerNotFoundError, DataError
from companion.number_text import find_numbers, number_at, whole_number_text
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
    "+5": 5,
    "\u20135": -5,
    "\u20115": -5,
    "minus 3": -3,
    "Negative 5": -5,
    "minus $2.50": -2.5,
    "-\\$5": -5,
    "1 1/2": 1.5,
    "-2 3/4": -2.75,
    "1,000 1/2": 1000.5,
    "1 000/2": 500,
    "2/1,000": 0.002,
    "1,234/2": 617,
    "2.5/5": 0.5,
    "3 / 4": 0.75,
    "1\u20444": 0.25,
    r"\frac{1}{2}": 0.5,
    r"-\dfrac{3}{4}": -0.75,
    r"2\frac{1}{4}": 2.25,
    "1'000": 1000,
    "12\u2019345.5": 12_345.5,
    "1_000_000": 1_000_000,
    "1{,}000": 1000,
    r"1\,000": 1000,
}

# None of them is a number that is read, and no part of them is either.
UNREAD = [
    *(
        "0x10",
        "0b101",
        "0xFF",
        "10^3",
        "10^{-3}",
        "2**10",
        "10\u00b2",
        "3 x 10^8",
        "3 \u00d7 10\u2078",
    ),
    *("3,14", "1,2,3", "12,34,567", "1.234,56", "1.2.3", "192.168.0.1", "10:30", "5'10", "1_00"),
    *("1/2/3", "1/-2", "1-1/2", "1 and 1/2", "1\u00bd", "1 \u00bd", "\u00bd", "1e3x", "1e5.5"),
    *("10k", "$5M", "5 million", "$3.5 billion", "2 dozen", "3 hundredths", "2\u03c0", "3\u221a2"),
    *(r"\frac12", r"\frac{\pi}{2}", r"\sqrt{2}", r"2\pi", "\u00b15", "+/-5", "\u221a2"),
]


@pytest.mark.parametrize(("text", "value"), FORMS.items())
def test_prompts_and_rewards_read_the_same_number(text: str, value: float) -> None:
    said = f"So it is clear. The answer is {text}."

    assert whole_number_text(text) == whole_number_text(f" {text}. ") == value
    assert type(whole_number_text(text)) is type(value)
    assert extract_number(said) == extract_number(f"It is {text}", marker=None) == value
    records = [{"answer": answer} for answer in (text, str(value), value, value + 1)]
    assert exact_answer(records, [said] * 4).tolist() == [1, 1, 1, 0]
    assert exact_answer(records, [f" {text}. "] * 4).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("text", UNREAD)
def test_a_form_that_is_not_read_is_refused_and_not_read_in_part(text: str) -> None:
    said = f"The answer is {text}"

    assert whole_number_text(text) is None
    with pytest.raises(AnswerNotFoundError, match="is written in a way that is not read"):
        extract_number(said)
    with pytest.raises(AnswerNotFoundError, match="is written in a way that is not read"):
        extract_number(f"It is {text}", marker=None)
    parts = ["0", "1", "2", "3", "5", "10", "12", "3.14", "-5", "1.2"]
    assert not exact_answer([{"answer": part} for part in parts], [said] * len(parts)).any()
    assert exact_answer([{"answer": text}], [said]).item() == 1  # as a text


def test_the_other_numbers_of_a_text_need_not_be_readable() -> None:
    assert number_at("6, or 0x6", 0) == 6
    assert number_at("10^3 and then 7", -1) == 7
    assert number_at("7", 1) is None
    assert extract_number("The answer is 6, at 10:30.") == 6


@pytest.mark.parametrize(
    "text",
    ["GPT-3", "Room A-3", "COVID-3", "F-3", "Monday-3 apples", "x-3", "Room- 3", "yes--3", "5%-3"],
)
def test_a_hyphen_behind_a_word_is_no_minus(text: str) -> None:
    assert find_numbers(text)[-1] == 3
    assert exact_answer([{"answer": "3"}], [f"The answer is {text}."]).item() == (text[0] != "5")


@pytest.mark.parametrize(
    "text", ["Monday - 5 apples", "- 5 apples", "x minus 3", "ten minus 3", "Sum. - 5"]
)
def test_a_minus_that_may_be_a_dash_is_refused(text: str) -> None:
    with pytest.raises(AnswerNotFoundError, match="may mean a number below 0 or a dash"):
        extract_number(text, marker=None)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5-3", [5, 3]),
        ("8 - 5 = 3", [8, 5, 3]),
        ("8 minus 5 is 3", [8, 5, 3]),
        ("It is minus 3", [-3]),
        ("x = - 3", [-3]),
        ("- 5", [-5]),
        ("x=-3", [-3]),
        ("_-3_", [-3]),
        ("a negative 5", [-5]),
        ("Fruit:\n- 5 apples\n- 3 pears", [5, 3]),
        ("1, 2, 3", [1, 2, 3]),
        ("(1, -2)", [1, -2]),
        ("**5** 3", [5, 3]),
        ("5! 3", [5, 3]),
        ("pages 3-7", [3, 7]),
        ("in 2024 100 people", [2024, 100]),
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
        ("-5", "The answer is minus 5.", 1),
        ("5", "The answer is negative 5.", 0),
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
    with pytest.raises(ValueError, match=r"300 digits|exponent beyond 300|divides by 0"):
        find_numbers(number)
    with pytest.raises(AnswerNotFoundError, match="no number in"):
        extract_number(f"The answer is {number}")


@pytest.mark.parametrize("number", ["9" * 400, "1e400", 1e301, 10**301, "1/0", "-3/000"])
def test_a_record_whose_answer_is_no_number_is_named(number: object) -> None:
    records = [{"answer": "1"}, {"answer": number}]
    with pytest.raises(
        DataError, match=r"the answer of record 1 is not a number: .*(beyond|than|by 0)"
    ):
        exact_answer(records, ["The answer is 1.", "1"])


@pytest.mark.parametrize("unit", ["x10", "a1", "0x1", "10x", "1, ", "1 1/", "1^a", "minus 1 "])
def test_what_repeats_itself_for_ever_is_read_in_a_moment(unit: str) -> None:
    begun = time.process_time()
    with suppress(ValueError):
        find_numbers(unit * 20_000)

    assert time.process_time() - begun < 5
