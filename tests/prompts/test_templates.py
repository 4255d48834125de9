"""Prompts as text, and templates with variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import PromptError
from companion.prompts import chain_of_thought, few_shot, fill, step_by_step, zero_shot


def test_fill_puts_every_value_in_its_place() -> None:
    assert fill("{a} and {b}, {a}", a=1, b="two") == "1 and two, 1"


def test_double_braces_stay_as_braces() -> None:
    assert fill('{{"name": "{name}"}}', name="Ann") == '{"name": "Ann"}'


@given(st.text())
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert fill("<{x}>", x=value) == f"<{value}>"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(PromptError, match=r"no value for 'b'.*variables: a, b"):
        fill("{a} {b}", a=1)


def test_a_value_too_many_is_named() -> None:
    with pytest.raises(PromptError, match=r"a value for 'c', which it does not have"):
        fill("{a}", a=1, c=2)


def test_a_typing_error_is_named_on_both_sides() -> None:
    with pytest.raises(PromptError, match=r"no value for 'question' and a value for 'questions'"):
        fill("{question}", questions="?")


@pytest.mark.parametrize("field", ["a.b", "a[0]", "a!r", "a:>9", "", "0"])
def test_only_plain_names_are_fields(field: str) -> None:
    with pytest.raises(PromptError, match="only plain names"):
        fill("{" + field + "}", a="x")


def test_an_open_brace_is_refused() -> None:
    with pytest.raises(PromptError, match="can't be read"):
        fill("{a", a=1)


def test_zero_shot_ends_where_the_answer_begins() -> None:
    prompt = zero_shot("2 + 3?", instruction="Compute.", input_label="Q", output_label="A")

    assert prompt == "Compute.\n\nQ: 2 + 3?\nA:"


def test_labels_can_be_left_out() -> None:
    assert zero_shot("dog", input_label="", output_label="") == "dog\n"
    assert few_shot("b", [("a", "1")], input_label="", output_label="") == "a\n1\n\nb\n"


def test_few_shot_keeps_the_order_of_the_examples() -> None:
    prompt = few_shot("c", [("a", "1"), ("b", "2")], instruction="Go.", separator="\n")

    assert prompt == "Go.\n\nQuestion: a\nAnswer: 1\nQuestion: b\nAnswer: 2\nQuestion: c\nAnswer:"


def test_few_shot_with_no_examples_points_to_zero_shot() -> None:
    with pytest.raises(PromptError, match=r"no examples given.*zero_shot"):
        few_shot("x", [])


def test_chain_of_thought_with_no_examples_points_to_step_by_step() -> None:
    with pytest.raises(PromptError, match=r"no examples given.*step_by_step"):
        chain_of_thought("x", [])


@pytest.mark.parametrize(
    ("examples", "problem"),
    [
        ([("a", "1"), ("b",)], r"example 1 must be \(input, output\)"),
        (["ab"], r"example 0 must be \(input, output\), got 'ab'"),
        ([("a", " ")], "output of example 0 must be a text that is not empty"),
        ([("a", 1)], "output of example 0 must be a text"),
    ],
)
def test_an_example_that_is_no_pair_of_texts_is_named(examples: list, problem: str) -> None:
    with pytest.raises(PromptError, match=problem):
        few_shot("x", examples)


def test_chain_of_thought_shows_reasoning_then_answer() -> None:
    prompt = chain_of_thought("x?", [("q?", "Because.", "7")], conclusion="So")

    assert prompt == "Question: q?\nAnswer: Because. So 7.\n\nQuestion: x?\nAnswer:"


def test_chain_of_thought_wants_triples() -> None:
    with pytest.raises(PromptError, match=r"\(question, reasoning, answer\)"):
        chain_of_thought("x?", [("q?", "7")])


def test_step_by_step_begins_the_answer() -> None:
    assert step_by_step("x?", trigger="Hm.") == "Question: x?\nAnswer: Hm."
    assert step_by_step("x?", trigger="Hm.", output_label="") == "Question: x?\nHm."


@pytest.mark.parametrize("question", ["", "  \n", None])
def test_an_empty_question_is_refused(question: str | None) -> None:
    with pytest.raises(PromptError, match="question must be a text that is not empty"):
        zero_shot(question)


def test_an_empty_trigger_is_refused() -> None:
    with pytest.raises(PromptError, match="trigger must be a text"):
        step_by_step("x?", trigger="")
