"""Exercises are written in one piece: what is missing or said twice is named at once."""

import pytest

from companion.exercises import catalog
from companion.exercises.exercise import Case
from companion.exercises.judging import judge
from companion.exercises.page import Page

TASK = {"title": "Half", "difficulty": "easy", "minutes": 1, "hints": ("Divide.", "By 2.")}
OPTIONS = """
    - [ ] No.

      It does
      not.
    - [x] Yes, in
      two lines.

      So it is.
    - [ ] Perhaps.

      It is sure.
"""


@pytest.fixture
def page():
    return Page("sampling", "companion.exercises.catalog.open_models.anything")


def half(number: float) -> float:
    """Return half of a number."""
    return number / 2


def half_cases(rng):
    yield Case("one", (rng.randint(3, 9),), "What is half of it?")


def write(page, **options):
    """An exercise with a solution, cases and one mistake."""
    exercise = page.exercise(**TASK, statement="Halve.", **options)
    exercise.solution(half)
    exercise.cases(half_cases)
    exercise.mistake("That is the double.")(lambda number: 2 * number)
    return exercise


def test_names_come_from_the_function_the_page_and_the_folder(page):
    write(page)
    page.exercise(**TASK, statement="Halve 4.").number(unit="", mistakes={8: "Double."})(half_cases)
    (first, second) = page.exercises.values()

    assert (first.id, first.section, first.page) == ("half", "open-models", "open-models/sampling")
    assert second.id == "half-cases"
    assert judge(first, half).state == "right"
    assert judge(first, lambda number: 2 * number).message == "That is the double."


def test_a_name_that_is_given_counts(page):
    write(page, id="the-half")

    assert list(page.exercises) == ["the-half"]


def test_two_exercises_of_one_name_are_refused(page):
    write(page)
    write(page)

    with pytest.raises(ValueError, match="page open-models/sampling: two exercises have one id"):
        page.exercises  # noqa: B018, the property is what is tested


@pytest.mark.parametrize("message", ["", "  ", half])
def test_a_mistake_without_a_message_is_refused(message, page):
    with pytest.raises(ValueError, match=r'say what is wrong: @exercise\.mistake\("You'):
        write(page).mistake(message)


def unnamed(page):
    page.exercise(**TASK, statement="Choose.").choice(OPTIONS)


def unanswered(page):
    page.exercise(**TASK, statement="Halve.")


def undrawn(page):
    page.exercise(**TASK, statement="Halve.").solution(half)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (unnamed, "Half: say what the answer is, and name it by a function or an id"),
        (unanswered, "Half: say what the answer is"),
        (undrawn, "half: draw some cases, in a function below @exercise.cases"),
    ],
)
def test_what_is_missing_is_named(wrong, says, page):
    wrong(page)

    with pytest.raises(ValueError, match=says):
        page.exercises  # noqa: B018


def test_a_mistake_of_a_choice_stands_with_its_option(page):
    exercise = page.exercise(**TASK, statement="Choose.", id="yes")
    exercise.choice(OPTIONS)
    exercise.mistake("Not so.")(half)

    with pytest.raises(ValueError, match="yes: the mistakes of a choice are its options"):
        page.exercises  # noqa: B018


def test_lines_are_joined_and_paragraphs_stay_apart(page):
    exercise = page.exercise(
        **TASK,
        id="yes",
        statement="""
        In two
        lines.

        And one.
        """,
    )
    exercise.choice(OPTIONS)
    (found,) = page.exercises.values()

    assert found.statement == "In two lines.\n\nAnd one."
    assert [(one.text, one.right, one.why) for one in found.options][:2] == [
        ("No.", False, "It does not."),
        ("Yes, in two lines.", True, "So it is."),
    ]


def test_a_module_that_is_not_listed_is_not_found(monkeypatch):
    monkeypatch.setattr(catalog, "CONTENTS", {**catalog.CONTENTS, "gpt": ("sampling",)})

    assert "causal-mask" not in catalog.ids()
    with pytest.raises(ValueError, match="there is no exercise 'causal-mask'"):
        catalog.find("causal-mask")


def test_a_start_has_the_specification_of_the_solution(page):
    exercise = write(page)

    @exercise.start
    def whole(number):
        # the bug
        return number

    (found,) = page.exercises.values()

    assert found.stub() == (
        'def half(number: float) -> float:\n    """Return half of a number."""\n    return number'
    )


def test_decorators_give_back_what_they_got(page):
    exercise = page.exercise(**TASK, statement="Halve.")

    for decorate in (exercise.solution, exercise.cases, exercise.run, exercise.start):
        assert decorate(half) is half
    assert exercise.mistake("No.")(half) is half
