"""Continuations of texts: the whole answer and its pieces say the same."""

import pytest

from companion.generation.params import SamplingParams
from companion.serving.batch import Part, Token
from companion.serving.order import Order, Served
from companion.serving.text_answer import TextAnswer


@pytest.fixture
def served_fake(uniform_model, tokenizer) -> Served:
    return Served(uniform_model, tokenizer, "small")


def token(letter: str) -> Token:
    """A letter, with itself and ``z`` as the most probable ones."""
    return Token(3 + ord(letter), -0.5, [(3 + ord(letter), -0.5), (3 + ord("z"), -2.0)])


PARTS = [
    Part(0, "a", token("a"), None),
    Part(1, "", token("x"), None),  # held back: it may begin a stop string
    Part(0, "b", token("b"), "length"),
    Part(1, "xy", token("y"), "eos"),
]


def answer(served: Served, top: int | None = None) -> TextAnswer:
    return TextAnswer(Order(["T"], [[9]], SamplingParams(n=2), seed=0, top=top), served)


def test_the_whole_answer_has_a_choice_for_each_text(served_fake: Served) -> None:
    made = answer(served_fake)
    for part in PARTS:
        assert list(made.deltas(part)) == [part.text] * bool(part.text or part.finish)

    whole = made.whole()
    assert whole["object"] == "text_completion"
    assert whole["choices"] == [
        {"index": 0, "text": "ab", "logprobs": None, "finish_reason": "length"},
        {"index": 1, "text": "xy", "logprobs": None, "finish_reason": "stop"},
    ]
    assert whole["usage"]["completion_tokens"] == 4


def test_a_stream_says_what_the_whole_answer_says(served_fake: Served) -> None:
    made = answer(served_fake)
    assert list(made.first()) == []
    choices = [chunk["choices"][0] for part in PARTS for chunk in made.chunks(part)]

    said = ["".join(one["text"] for one in choices if one["index"] == row) for row in (0, 1)]
    assert said == ["ab", "xy"]
    assert [one["finish_reason"] for one in choices] == [None, "length", "stop"]
    assert made.last()["choices"] == []
    assert made.last()["usage"]["total_tokens"] == 5


def test_log_probabilities_have_places_in_the_text_and_are_told_once(served_fake: Served) -> None:
    made = answer(served_fake, top=2)
    told = [chunk["choices"][0]["logprobs"] for part in PARTS for chunk in made.chunks(part)]

    assert told[0] == {
        "tokens": ["a"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"a": -0.5, "z": -2.0}],
        "text_offset": [0],
    }
    assert told[1]["text_offset"] == [1]
    assert told[2]["tokens"] == ["x", "y"]  # that of the part before, too
    assert told[2]["text_offset"] == [0, 1]


def test_an_end_without_text_is_told_and_a_part_without_either_is_not(served_fake: Served) -> None:
    made = answer(served_fake)

    held = list(made.chunks(Part(0, "", token("x"), None)))
    (end,) = made.chunks(Part(0, "", token("y"), "stop"))

    assert held == []
    assert (end["choices"][0]["text"], end["choices"][0]["finish_reason"]) == ("", "stop")
