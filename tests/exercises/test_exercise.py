"""What an exercise is made of comes from its solution, its options, its program."""

import random

import pytest

from companion.exercises import source
from companion.exercises.exercise import (
    Case,
    ChoiceExercise,
    CodeExercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
)
from companion.exercises.options import Option

COMMON = {
    "id": "half-of-it", "title": "Half", "section": "gpt", "page": "gpt/sampling",
    "difficulty": "medium", "minutes": 5, "statement": "  Halve it.\n", "hints": ("a", "b"),
}  # fmt: skip


def half(number: float) -> float:
    """Return half of a number."""
    return number / 2


def cases(rng):
    yield Case("some", (rng.randint(1, 10**9),), "?")


def program():
    print(" a")  # noqa: T201, what is graded
    print("b ")  # noqa: T201


def options(*right):
    return tuple(Option(f"text {n}", right=n in right, why=f"why {n}") for n in range(3))


CODE = CodeExercise(**COMMON, solution=half, cases=cases, wrong=())


@pytest.mark.parametrize(("difficulty", "points"), [("easy", 1), ("medium", 2), ("hard", 4)])
def test_points_follow_the_difficulty(difficulty, points):
    one = CodeExercise(**COMMON | {"difficulty": difficulty}, solution=half, cases=cases, wrong=())

    assert one.points == points


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"difficulty": "harder"}, "half-of-it: difficulty must be one of"),
        ({"hints": ("a",)}, "half-of-it: needs at least two hints, got 1"),
    ],
)
def test_a_slip_of_the_author_is_named(change, problem):
    with pytest.raises(ValueError, match=problem):
        CodeExercise(**COMMON | change, solution=half, cases=cases, wrong=())


@pytest.mark.parametrize("given", [(), options()[:2], options(), options(0) * 3])
def test_options_are_three_to_eight_and_one_is_right(given):
    with pytest.raises(ValueError, match="needs 3 to 8 options, at least one of them right"):
        ChoiceExercise(**COMMON, options=given)


def test_code_is_named_as_its_function_and_drawn_from_seed_and_id():
    assert CODE.variable == "half"
    assert CODE.task() == "Halve it."
    assert CODE.draw("a") == CODE.draw("a") != CODE.draw("b")
    expected = random.Random("half-of-it/a").randint(1, 10**9)
    assert CODE.draw("a")[0].args == (expected,)
    assert "raise NotImplementedError" in CODE.stub()
    assert "number / 2" not in CODE.stub()
    assert "number / 2" in CODE.solution_text()
    assert CODE.imports() == ""


def test_a_number_shows_its_unit_and_how_it_is_computed():
    def compute():
        """Count them."""
        many = 1234567
        return (
            many * 1.0  # all
        )  # fmt: skip

    one = NumericExercise(**COMMON, compute=compute, unit="tokens", wrong=())

    assert one.stub() == "half_of_it = None  # tokens"
    code = "many = 1234567\nhalf_of_it = (\n    many * 1.0  # all\n)  # fmt: skip"
    assert one.solution_text() == f"1.23457e+06 tokens:\n\n```python\n{code}\n```"


def test_a_number_needs_a_function_that_returns_it():
    def compute():
        return_it = 3
        assert return_it

    one = NumericExercise(**COMMON, compute=compute, unit="tokens", wrong=())

    with pytest.raises(ValueError, match="should end in a return"):
        source.assigned(one.compute, one.variable)


def test_options_have_letters_and_the_stub_says_whether_several_hold():
    one, two = (ChoiceExercise(**COMMON, options=options(*right)) for right in ((1,), (0, 2)))

    assert list(one.letters) == ["a", "b", "c"]
    assert one.task().splitlines()[2:] == [
        "- **a**: text 0", "- **b**: text 1", "- **c**: text 2",
    ]  # fmt: skip
    assert 'such as "b"' in one.stub()
    assert 'letters of all that hold, such as "bd"' in two.stub()
    assert "- **b** (right): why 1" in one.solution_text()
    assert "- **b** (wrong): why 1" in two.solution_text()


def test_a_program_is_shown_and_run_for_its_output():
    one = OutputExercise(**COMMON, program=program, why="So it is.", wrong=())

    assert one.output() == "a\nb"
    assert 'print(" a")  # noqa' in one.task()
    assert one.solution_text().endswith("So it is.")


def test_an_output_that_is_stated_is_not_computed():
    def needs_torch():
        raise ModuleNotFoundError("No module named 'torch'")

    one = OutputExercise(**COMMON, program=needs_torch, why="So.", wrong=(), prints="inf")

    assert one.output() == "inf"
    assert "inf" in one.solution_text()
    with pytest.raises(ModuleNotFoundError):
        one.run()


def test_an_answer_in_words_has_key_points_with_numbers():
    one = WordsExercise(**COMMON, key_points=("One.", "Two."), sample="Both.")

    assert one.stub() == 'half_of_it = """\n"""'
    assert "1. One.\n2. Two." in one.solution_text()
    assert one.solution_text().endswith("For example: Both.")
