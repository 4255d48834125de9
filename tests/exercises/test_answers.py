"""Answers that are values: whatever is given, a verdict in plain words comes back."""

import math
import warnings
from collections import UserDict, deque
from fractions import Fraction

import numpy as np
import pytest
import torch

from companion.exercises import catalog
from companion.exercises.answers import count_words
from companion.exercises.judging import judge

NUMBER = catalog.find("llama-2-cache")  # 2 GiB
CHOICE = catalog.find("encoder-tasks")  # a, c, e
OUTPUT = catalog.find("temperature-output")
WORDS = catalog.find("gpt-and-bert")


class Raises:
    def _refuse(self, *_):
        raise RuntimeError("asked")

    __eq__ = __str__ = __repr__ = __len__ = __iter__ = __bool__ = __float__ = __hash__ = _refuse
    __getattr__ = _refuse


class SlyText(str):
    def strip(self, *_):
        raise RuntimeError("asked")

    lower = split = __iter__ = __eq__ = strip
    __hash__ = str.__hash__


def circle():
    value = []
    value += [value] * 4
    return value


STRANGE = [
    torch.tensor([1.0, 2.0]), torch.empty(0), torch.ones(2, device="meta"),
    np.array([]), np.array([1, 2]), np.array(["a", None]), np.ma.array([1.0]), np.datetime64("NaT"),
    0, -1, True, False, 10**400, -(10**400), 10**5000, 1e400, math.nan, 1j, Fraction(1, 3),
    {}, {"__array__": "float64", "shape": [math.inf], "data": ""}, {"array": 1}, {1: 2},
    [[[]]], [None], ["a", 1], circle(), [Raises()], Raises(), Raises, object(), UserDict(a=1),
    SlyText("a"), SlyText(" "), b"ace", "\ud800", "\x00", "a" * 100_000, "a," * 50_000, "```", "**",
    lambda: 1, (c for c in "ace"), range(10**12), deque("zz"), "<script>alert(1)</script>",
]  # fmt: skip


@pytest.mark.parametrize("exercise", [NUMBER, CHOICE, OUTPUT, WORDS], ids=lambda one: one.id)
@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_no_answer_is_too_strange_for_a_verdict(exercise, number):
    verdict = judge(exercise, STRANGE[number])

    assert verdict.state in ("wrong", "partly right", "not attempted")
    assert verdict.share < 1
    assert len(repr(verdict)) < 2000
    assert "<script" not in verdict._repr_html_()


@pytest.mark.parametrize(
    "answer",
    [
        2, 2.0, np.float32(2), np.uint8(2), np.array(2.0), torch.tensor(2.0), torch.tensor(2),
        torch.nn.Parameter(torch.tensor(2.0)), torch.tensor(2.0, dtype=torch.bfloat16),
        Fraction(2), 2.001,
    ],
)  # fmt: skip
def test_a_number_counts_in_every_type(answer):
    assert judge(NUMBER, answer).state == "right"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (np.array([2.0]), ".item() takes the number out of an array"),
        ([2.0], "Give a plain number (GiB), not [2.0]"),
        ("2.0", "Give a plain number (GiB), not '2.0'"),
        (lambda: 2.0, "are the parentheses of a call missing?"),
        (10**400, "an integer of 1329 bits GiB is not right"),
        (2.1, "2.1 GiB is not right"),
        (1.0, "Half of it is missing"),
    ],
)
def test_a_number_that_is_none_is_told_what_would_be(answer, says):
    assert says in repr(judge(NUMBER, answer))


@pytest.mark.parametrize(
    "answer",
    [
        "ace", "ACE", "a, c, e", "A, C and E", "a c e", "(a), (c), (e)", "a & c & e",
        "options A, C, and E", ["a", "c", "e"], ("A", "C", "E"), {"a", "c", "e"}, ["a and c", "e"],
        np.array(["a", "c", "e"]), deque("ace"), dict.fromkeys("ace").keys(), np.str_("ace"),
    ],
)  # fmt: skip
def test_letters_count_as_people_write_them(answer):
    assert judge(CHOICE, answer).state == "right"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (3, 'Options are a, b, c, d, e, given as text such as "bd"; not 3.'),
        (True, "not True."),
        ([1, 3, 5], "not [1, 3, 5]."),
        ("x", "not x."),
        ("a, c and f", "not f."),
        ("first", "not first."),
        ("!", "not '!'."),
        (np.array([1, 2]), "not [1, 2]."),
    ],
)
def test_a_choice_without_letters_is_told_which_there_are(answer, says):
    assert says in repr(judge(CHOICE, answer))


def test_printed_text_counts_in_lines_and_with_other_blanks():
    lines = OUTPUT.output().splitlines()

    for answer in ("\n".join(lines), lines, tuple(lines), "  \n".join(lines) + "\n\n"):
        assert judge(OUTPUT, answer).state == "right"
    assert "It does not print 'tea'" in repr(judge(OUTPUT, "tea"))


@pytest.mark.parametrize("covered", [1, [1], (1,), {1}, np.array([1]), np.int64(1), range(1, 2)])
def test_key_points_are_given_in_any_sequence_of_numbers(covered):
    assert judge(WORDS, WORDS.sample, covered=covered).share == 1 / 5


STRANGE_COVERED = [0, 6, "12", [1.5], [True], [[1]], {1: 2}, Raises(), 10**400, circle()]


@pytest.mark.parametrize("number", range(len(STRANGE_COVERED)))
def test_other_key_points_are_refused_in_words(number):
    covered = STRANGE_COVERED[number]

    with pytest.raises(ValueError, match=r"covered holds .*; the key points are 1 to 5: give a"):
        judge(WORDS, WORDS.sample, covered=covered)


@pytest.mark.parametrize("one", catalog.all_exercises(), ids=lambda one: one.id)
def test_every_exercise_stands_every_answer(one):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answer in (Raises(), circle(), {"array": 1}, np.array([1, 2]), 10**400, b"x"):
            assert judge(one, answer).share < 1


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("One two-fold word - that's all.", 5), ("\u306e" * 49, 25),
     ("GPT \u3068 BERT\u3002", 3), ("\u0e01\u0e02", 1), ("5 + 7", 2),
     ("\ud55c\uad6d\uc5b4 \ub2e8\uc5b4", 2)],
)  # fmt: skip
def test_words_are_counted_in_writing_without_blanks_too(text, count):
    assert count_words(text) == count


def test_an_explanation_in_japanese_can_be_long_enough():
    assert judge(WORDS, "\u306e" * 2 * WORDS.least_words).state == "to assess"
    short = judge(WORDS, "\u306e" * 20)
    assert short.state == "not attempted"
    assert "there are 10. In writing without blanks between words, two" in short.message
    assert "there is 1." in judge(WORDS, "Short.").message
